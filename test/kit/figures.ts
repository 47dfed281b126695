/**
 * Figures in docs/measurements.md, each block written by the script that measures it:
 *
 *     <!-- figures: measure:leases -->
 *     …
 *     <!-- end of figures -->
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

export const MEASUREMENTS = fileURLToPath(new URL('../../docs/measurements.md', import.meta.url));

/** What a page says of one measurement. */
export interface FigureBlock {
  /** An npm script, or a test that asserts the figures itself. */
  readonly source: string;
  readonly text: string;
}

/** Where, when and how figures came about. */
export interface Provenance {
  /** `2026-11-30`. */
  readonly date: string;
  readonly commit: string;
  /** `2 cores of AMD EPYC`. */
  readonly machine: string;
  readonly command: string;
}

const BLOCK = /^<!-- figures: (\S+) -->\n(.*?)^<!-- end of figures -->$/gms;
const PROVENANCE = /^Measured on (\d{4}-\d\d-\d\d) at commit (.+?), on ([^`]+?), with `([^`]+)`\.$/m;

export function blocksIn(page: string): readonly FigureBlock[] {
  return Array.from(page.matchAll(BLOCK), ([, source, text]) => ({ source: source!, text: text!.trim() }));
}

/** Throws unless the page has exactly one block of this source. */
export function replaceBlock(page: string, { source, text }: FigureBlock): string {
  const found = blocksIn(page).filter((block) => block.source === source).length;
  if (found !== 1) throw new Error(`${found} blocks "<!-- figures: ${source} -->", not one`);
  return page.replace(BLOCK, (block, of) =>
    of === source ? `<!-- figures: ${source} -->\n${text}\n<!-- end of figures -->` : block,
  );
}

export function writeBlock(block: FigureBlock, file = MEASUREMENTS): void {
  writeFileSync(file, replaceBlock(readFileSync(file, 'utf8'), block));
}

/** `undefined` if the text names none, or not all of it. */
export function provenanceIn(text: string): Provenance | undefined {
  const [, date, commit, machine, command] = PROVENANCE.exec(text) ?? [];
  return command === undefined ? undefined : { date: date!, commit: commit!, machine: machine!, command };
}

export function provenanceText({ date, commit, machine, command }: Provenance): string {
  return `Measured on ${date} at commit ${commit}, on ${machine}, with \`${command}\`.`;
}

/** Of this run of an npm script. Its name is in `npm_lifecycle_event` when npm runs it. */
export function provenanceOfRun(script: string, settings: readonly string[] = []): Provenance {
  const args = process.argv.slice(2).filter((arg, index, all) => !isWriting(arg) && all[index - 1] !== '--into');
  const given = settings.flatMap((name) => (process.env[name] === undefined ? [] : [`${name}=${process.env[name]}`]));
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commitNow(),
    machine: machineHere(),
    command: [...given, 'npm run', script, ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  };
}

function isWriting(arg: string): boolean {
  return arg === '--write' || arg === '--into' || arg.startsWith('--into=');
}

/** Short, with a note when files differ from it: the figures are then not of that commit alone. */
function commitNow(): string {
  const git = (...args: readonly string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'plugins', 'scripts', 'test') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with local changes' : ''}`;
  } catch {
    return 'unknown';
  }
}

/** The model without trademarks and what follows them; no name of a host. */
function machineHere(): string {
  const all = cpus();
  const model = (all[0]?.model ?? '')
    .replace(/\((?:R|TM)\)/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  return `${all.length} ${all.length === 1 ? 'core' : 'cores'} of ${model === '' ? 'an unknown CPU' : model}`;
}
