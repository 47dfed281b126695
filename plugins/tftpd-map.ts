/**
 * A map file of tftp-hpa's `in.tftpd -m` as it is: what was asked for goes in, what its rules make of it is looked for. The file is
 * watched; one with a mistake is refused as a mistake in the config would be.
 *
 * As there, rules see a name as the client spelt it (`/boot/x`, `\boot\x`), unless a plugin before this one has changed it; what
 * they return is cleaned and confined like any other name. An upload's name is rewritten, too, before `uploads` takes it; for it
 * `E` counts every name as good.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type Call,
  ConfigError,
  cleanName,
  definePlugin,
  type Finding,
  type Hooks,
  type ReadRequest,
  type WriteRequest,
} from 'pxe';
import { z } from 'zod';
import { type Asking, answering, listed } from './lookups.ts';
import { type MapFile, type MapLine, parseMapFile } from './map-file.ts';
import { runMap } from './map-rules.ts';

export interface TftpdMapOptions {
  /** The map file, relative to the config. */
  readonly file: string;
  /** The folder that `in.tftpd` serves where it runs without `--secure`: the rules write names that begin with it. */
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
    return {
      rewrite: (request, call) => answering(renamed(map.lines, request, prefix, call), call),
      store: (request, call) => answeredYes(renamed(map.lines, request, prefix, call))?.name,
      check: () => findingsOf(map, path),
    };
  },
});

/** Throws a `ConfigError`. */
async function readMap(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new ConfigError(path, [{ path: [], message: `cannot be read: ${message}` }]);
    throw new ConfigError(path, [{ path: [], message: 'no such file', hint: 'is the path right? it starts at the config' }]);
  }
}

/** The request with the name that the rules lead to; `undefined` if they leave it as it is. */
function* renamed<Request extends ReadRequest | WriteRequest>(
  lines: readonly MapLine[],
  request: Request,
  prefix = '',
  { note }: Call,
): Asking<Request | undefined> {
  const { kind, asked, name, client } = request;
  const spelt = cleanName(asked) === name ? asked : name;
  const below = (path: string) => (path.startsWith(prefix) ? path.slice(prefix.length) : path);
  const applied: number[] = [];
  const rules = runMap(lines, spelt, { kind, address: client.address, applied });
  try {
    let step = rules.next();
    while (!step.done) step = rules.next(yield below(step.value));
    const result = below(step.value);
    return result === spelt ? undefined : { ...request, name: result };
  } finally {
    // Also where one of them refuses.
    if (applied.length > 0) note(listed('line', applied));
  }
}

function answeredYes<Result>(rules: Asking<Result>): Result {
  for (let step = rules.next(); ; step = rules.next(true)) if (step.done) return step.value;
}

/** What in.tftpd would find out only when a client asks. */
function* findingsOf({ lines }: MapFile, file: string): Iterable<Finding> {
  const labels = new Set(lines.flatMap((line) => (line.kind === 'label' ? [line.label] : [])));
  for (const line of lines) {
    if (line.kind === 'label') continue;
    const { kinds, families, after, replacement } = line;
    const found = (message: string): Finding => ({ severity: 'warning', path: [], file, line: line.line, message });
    if (kinds.length === 0) yield found('G and P together apply to no request: leave both out');
    if (families.length === 0) yield found('4 and 6 together apply to no client: leave both out');
    if (after !== 'jump' || replacement.some(({ kind }) => kind !== 'text')) continue;
    const label = replacement.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('');
    if (!labels.has(label))
      yield { ...found(`there is no label :${label} to jump to; the request would be refused`), severity: 'error' };
  }
}
