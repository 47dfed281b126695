/**
 * `pxe check`: would `pxe serve` work? Loads the config, sets the plugins up as `serve` does, and examines everything that it
 * names.
 */
import { relative } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { formatPath } from '../base/issue.ts';
import { ConfigError } from '../config/error.ts';
import { pathInFile, type ResolvedConfig } from '../config/resolve.ts';
import { FileWatcher } from '../config/watch.ts';
import type { Finding } from '../plugin/types.ts';
import { EXIT, ExitError, endSoon } from './exit.ts';
import { findProblems } from './findings.ts';
import { clockText } from './machine-lines.ts';
import { type Colour, inColour, isColoured, paint, type Span } from './painting.ts';
import { seeAs } from './privileges.ts';
import {
  configOption,
  interfaceOption,
  jsonOption,
  loadSettings,
  type Overrides,
  portOption,
  rootDirOption,
} from './settings.ts';

export interface CheckFlags extends Overrides {
  readonly json?: boolean;
  readonly watch?: boolean;
}

/** The verdict of a check. */
export interface Verdict {
  readonly exitCode: number;
  readonly file: string | undefined;
  /** Files whose change may change the verdict: the config's, and those that its plugins read. */
  readonly files: readonly string[];
  /** Text for a person. */
  readonly text: string;
  /** The same for a terminal. */
  readonly colouredText: string;
  /** JSON for a script. */
  readonly json: object;
}

export function checkCommand(): Command {
  return new Command('check')
    .description('check the config as serve would, and report every problem')
    .addOption(configOption())
    .addOption(interfaceOption())
    .addOption(portOption())
    .addOption(rootDirOption())
    .option('-w, --watch', 'check again whenever the config or a file it uses is saved, until SIGINT')
    .addOption(jsonOption('print the result as JSON'))
    .addHelpText(
      'after',
      `
Sets up the plugins as serve would, and reports what they find: missing files, rules that never match, machines listed twice.
Also checks the files under the root. Binds no port. A warning means that the config works, but perhaps not as intended.
When run by root, it reads files with the permissions of the config's user.

Exit codes: 0 no errors, perhaps warnings; 1 errors in what the config refers to; 2 the config itself is invalid.`,
    )
    .action(check);
}

async function check(flags: CheckFlags): Promise<void> {
  const since = systemClock.wallTime();
  const verdict = await judge(flags, ({ user }) => seeAs(user));
  tell(verdict, flags);
  if (flags.watch) await watch(verdict, since, flags);
  else endSoon();
}

/** Never returns by itself: a signal ends it. */
async function watch(first: Verdict, firstSince: number, flags: CheckFlags): Promise<void> {
  let pending = Promise.resolve();
  const again = async (saved: readonly string[]): Promise<void> => {
    const since = systemClock.wallTime();
    const verdict = await judge(flags);
    tell(verdict, flags, [{ text: clockText(since), colour: 'dim' }, { text: ` ${saved.map(nearer).join(', ')}` }]);
    await watcher.watch(verdict.files, since);
  };
  const watcher = new FileWatcher({
    clock: systemClock,
    changed: (saved) => {
      pending = pending.then(() => again(saved));
    },
    onEventsLost: () => process.stderr.write('pxe: file events have stopped (inotify limit?): checking every two seconds\n'),
  });
  await watcher.watch(first.files, firstSince);
}

/**
 * Never rejects for what is wrong with the config.
 * @param onLoaded called before anything that the config names is examined
 */
export async function judge(flags: CheckFlags, onLoaded: (config: ResolvedConfig) => void = () => {}): Promise<Verdict> {
  try {
    const { file, files, config } = await loadSettings(flags);
    onLoaded(config);
    const watched = new Set(files);
    const problems = await findProblems(config, files, (path) => void watched.add(path));
    const found = problems.map((finding) => inFile(finding, file));
    const findings = found.filter(({ severity }) => severity !== 'note');
    const notes = found.filter(({ severity }) => severity === 'note');
    const plugins = config.plugins.map(({ plugin }) => plugin.name).join(', ') || 'none';
    const fine: Line = [
      { text: `${file ? relative('.', file) : 'config'} is fine.`, colour: 'green' },
      { text: ` Root: ${config.rootDir}. Plugins: ${plugins}.` },
    ];
    const head: Line = findings.length === 0 ? fine : [{ text: headOf(file, findings), colour: 'bold' }];
    const lines = [head, ...linesOf([...findings, ...notes])];
    const ok = !findings.some(({ severity }) => severity === 'error');
    return {
      exitCode: ok ? EXIT.ok : EXIT.failed,
      file,
      files: [...watched],
      text: lines.map((line) => paint(line, false)).join('\n'),
      colouredText: lines.map((line) => paint(line, true)).join('\n'),
      json: { ok, file, findings: findings.map(toJson), notes: notes.map(toJson) },
    };
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    const { message, exitCode, cause } = error;
    const known = cause instanceof ConfigError ? cause : undefined;
    return {
      exitCode,
      file: known?.file,
      files: known?.files ?? [],
      text: message,
      colouredText: inColours(message),
      json: { ok: false, error: message },
    };
  }
}

/** @param head headline of every verdict but the first; printed after an empty line */
function tell({ exitCode, text, colouredText, json }: Verdict, flags: CheckFlags, head?: Line): void {
  process.exitCode = exitCode;
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(json, null, flags.watch ? undefined : 2)}\n`);
    return;
  }
  const stream = exitCode === EXIT.ok ? process.stdout : process.stderr;
  const coloured = isColoured(stream, process.env);
  const before = head === undefined ? '' : `\n${paint(head, coloured)}\n`;
  const program = exitCode === EXIT.ok ? '' : `${inColour('pxe:', coloured ? 'red' : undefined)} `;
  stream.write(`${before}${program}${coloured ? colouredText : text}\n`);
}

/** The message is highlighted, the quoted line of the file is not. */
function inColours(message: string): string {
  const [head, ...lines] = message.split('\n');
  return [inColour(head!, 'bold'), ...lines.map((line) => inColour(line, /^\s*(\d+ )?\|/.test(line) ? 'dim' : undefined))].join(
    '\n',
  );
}

function nearer(file: string): string {
  const way = relative('.', file);
  return way.startsWith('..') ? file : way;
}

type Line = readonly Span[];

const COLOURS: Readonly<Record<Finding['severity'], Colour>> = { error: 'red', warning: 'yellow', note: 'cyan' };

/** One mistake in a program that makes a list of hosts may be ten thousand findings. */
const LINES = 100;

function headOf(file: string | undefined, findings: readonly Finding[]): string {
  return `${file ?? 'config'}: ${counted(findings, 'error')}, ${counted(findings, 'warning')}`;
}

function linesOf(findings: readonly Finding[]): readonly Line[] {
  const lines: Line[] = findings
    .slice(0, LINES)
    .map((finding) => [
      { text: '  ' },
      { text: finding.severity.padEnd(7), colour: COLOURS[finding.severity] },
      { text: `  ${whereOf(finding)}:`, colour: 'bold' },
      { text: ` ${finding.message}` },
    ]);
  if (findings.length > LINES) lines.push([{ text: `  and ${findings.length - LINES} more; --json prints all` }]);
  return lines;
}

/** One that is of no key stays so. */
function inFile(finding: Finding, file: string | undefined): Finding {
  return finding.path.length === 0 ? finding : { ...finding, path: pathInFile(file, finding.path) };
}

function toJson(finding: Finding): object {
  return { ...finding, path: formatPath(finding.path) };
}

/** `rack.csv:3`, where the finding stands in a file of its own; then the key path. */
function whereOf({ file, line, path }: Finding): string {
  const place = file === undefined ? [] : [line === undefined ? file : `${file}:${line}`];
  return [...place, ...(path.length === 0 ? [] : [formatPath(path)])].join(': ');
}

function counted(findings: readonly Finding[], severity: Finding['severity']): string {
  const count = findings.filter((finding) => finding.severity === severity).length;
  return `${count === 0 ? 'no' : count} ${severity}${count === 1 ? '' : 's'}`;
}
