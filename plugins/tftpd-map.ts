/**
 * Applies a map file of tftp-hpa's `in.tftpd -m` unchanged: its rules rewrite the requested name. The file is watched; a mistake
 * in it is refused like a mistake in the config.
 *
 * As in tftp-hpa, rules see the name as the client spelt it (`/boot/x`, `\boot\x`, with the bytes that a ROM appended), unless an
 * earlier plugin has changed it. Their result is cleaned and confined like any other name. Names of uploads are rewritten, too;
 * for them `E` accepts every name.
 */
import { resolve } from 'node:path';
import { type Call, ConfigError, definePlugin, type Finding, type Hooks, Refusal, type RewriteRequest } from 'pxe';
import { readName } from 'pxe/kit';
import { z } from 'zod';
import { answering, answeringWithin, type Lookups, listed } from './lib/lookups.ts';
import { naming, TimeGuard } from './lib/regexp/guard.ts';
import { readRegularFile } from './lib/regular-file.ts';
import { type MapFile, type MapLine, parseMapFile } from './map-file.ts';
import { MAX_STEPS, type MapProgress, runMap } from './map-rules.ts';

export interface TftpdMapOptions {
  /** The map file, relative to the config. */
  readonly file: string;
  /** The folder that `in.tftpd` serves when it runs without `--secure`; the rules then produce names that begin with it. */
  readonly directory?: string | undefined;
}

const full = z.strictObject({
  file: z.string().min(1),
  directory: z.string().startsWith('/', 'expected an absolute path').optional(),
});
const options: z.ZodType<string | TftpdMapOptions, string | TftpdMapOptions> = z.union([z.string().min(1), full]);

export const tftpdMap = definePlugin({
  name: 'tftpd-map',
  options,
  async setup(given, { configDir, watch }): Promise<Hooks> {
    const { file, directory }: TftpdMapOptions = typeof given === 'string' ? { file: given } : given;
    watch(file);
    const path = resolve(configDir, file);
    const map = parseMapFile(await readMap(path));
    if (map.mistakes.length > 0) {
      const issues = map.mistakes.map(({ line, message }) => ({ path: [], place: { file: path, line }, message }));
      throw new ConfigError(path, issues);
    }
    const prefix = directory?.replace(/\/*$/, '/');
    const { boundRegExp, JUDGED_LENGTH } = await import('./lib/regexp/bounded.ts');
    const lines = map.lines.map((line) => boundLine(line, map.lines, boundRegExp));
    const guard = new TimeGuard({ limitMs: MAP_MS, repeatable: true });
    const guarded = lines.some(({ timed }) => timed);
    const rules = lines.map(({ line }) => line);
    return {
      rewrite(request, call) {
        const at: MapProgress = { line: 0 };
        const begin = () => renamed(rules, request, { prefix, call, at });
        if (!guarded && request.asked.length <= JUDGED_LENGTH) return answering(begin(), call);
        return naming(
          () => answeringWithin(guard, begin, call),
          () => `line ${at.line} of ${file}`,
        );
      },
      check: async () => [...findingsOf(map, path), ...(await hangingRules(lines, path))],
    };
  },
});

/** Time limit of all rules on one name. */
const MAP_MS = 30;

interface BoundLine {
  readonly line: MapLine;
  /** Whether it needs a time limit. */
  readonly timed: boolean;
}

/**
 * Maximum runs of a rule for one name: one for each end (to find the longest match), for each position (`g`) and for each step of
 * the map.
 */
function boundLine(
  line: MapLine,
  lines: readonly MapLine[],
  bound: typeof import('./lib/regexp/bounded.ts').boundRegExp,
): BoundLine {
  if (line.kind === 'label') return { line, timed: false };
  const { regExp, replaces } = line;
  const loops = lines.some((other) => other.kind === 'rule' && (other.after === 'restart' || other.after === 'jump'));
  const times =
    (regExp.ambiguous ? MAX_ENDS : 1) * (replaces === 'rescan' || replaces === 'onward' ? MAX_ENDS : 1) * (loops ? MAX_STEPS : 1);
  const bounded = bound(regExp.made, times);
  const timed = bounded.bound === 'time' || (bounded.bound === 'linear' && times > 1);
  return { line: { ...line, regExp: { ...regExp, made: bounded.regExp } }, timed };
}

const MAX_ENDS = 512;

/** Throws a `ConfigError`. */
async function readMap(path: string): Promise<string> {
  try {
    return (await readRegularFile(path)).toString('utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new ConfigError(path, [{ path: [], message: `cannot be read: ${message}` }]);
    throw new ConfigError(path, [{ path: [], message: 'no such file', hint: 'is the path right? it is relative to the config' }]);
  }
}

interface Renaming {
  readonly prefix: string | undefined;
  readonly call: Call;
  readonly at: MapProgress;
}

/** The request with its rewritten name; `undefined` if the rules leave it unchanged. */
function* renamed(
  lines: readonly MapLine[],
  request: RewriteRequest,
  { prefix = '', call, at }: Renaming,
): Lookups<RewriteRequest | undefined> {
  const { kind, client } = request;
  const spelt = speltName(request);
  const below = (path: string) => (path.startsWith(prefix) ? path.slice(prefix.length) : path);
  const applied: number[] = [];
  const rules = runMap(lines, spelt, { kind, address: client.address, applied, at });
  try {
    let step = rules.next();
    while (!step.done) step = rules.next(kind === 'write' || (yield below(step.value)));
    const result = below(step.value);
    return result === spelt ? undefined : { ...request, name: result };
  } finally {
    // This also runs if a rule refuses the name.
    if (applied.length > 0) call.note(listed('line', applied));
  }
}

/** The name as the client spelt it, unless an earlier plugin has changed it. */
function speltName({ asked, name }: RewriteRequest): string {
  try {
    return readName(asked).name === name ? asked : name;
  } catch (error) {
    if (error instanceof Refusal) return name;
    throw error;
  }
}

/** Finds rules that a hostile name can keep busy. */
async function hangingRules(lines: readonly BoundLine[], file: string): Promise<readonly Finding[]> {
  const { describeAttack, findAttack } = await import('./lib/regexp/attack.ts');
  return lines.flatMap(({ line, timed }) => {
    const attack = line.kind === 'rule' ? findAttack(line.regExp.made) : undefined;
    if (attack === undefined) return [];
    const message = describeAttack(attack, timed ? 'time' : 'linear', MAP_MS);
    return [{ severity: 'warning' as const, path: [], file, line: line.line, message }];
  });
}

/** Finds mistakes that in.tftpd would notice only at a request. */
function* findingsOf({ lines }: MapFile, file: string): Iterable<Finding> {
  const labels = new Set(lines.flatMap((line) => (line.kind === 'label' ? [line.label] : [])));
  for (const line of lines) {
    if (line.kind === 'label') continue;
    const { kinds, families, after, replacement } = line;
    const found = (message: string): Finding => ({ severity: 'warning', path: [], file, line: line.line, message });
    if (kinds.length === 0) yield found('G and P together match no request: remove both');
    if (families.length === 0) yield found('4 and 6 together match no client: remove both');
    if (after !== 'jump' || replacement.some(({ kind }) => kind !== 'text')) continue;
    const label = replacement.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('');
    if (!labels.has(label))
      yield { ...found(`there is no label :${label} to jump to; the request would be refused`), severity: 'error' };
  }
}
