/**
 * The lines about the server itself: what it serves, reloads, warnings, errors, and lines of plugins. An error is one line.
 */
import { isAbsolute, relative } from 'node:path';
import { type LogRecord, listOf, numberOf, objectOf, textOf } from './log-record.ts';
import { clockText, timeText } from './machine-lines.ts';
import { type Colour, type Span, wrap } from './painting.ts';
import { dropsText, statsDetails, statsText } from './stats-text.ts';

type Line = readonly Span[];

/** Indentation below the line that it belongs to. */
const INDENT = ' '.repeat(9);

/** @param folder absolute; paths below it are shown relative to it */
export function serverLines(record: LogRecord, folder: string, columns: number): readonly Line[] {
  return linesOf(record, folder, columns).flatMap((line) => wrap(line, columns, INDENT));
}

function linesOf(record: LogRecord, folder: string, columns: number): readonly Line[] {
  const { msg } = record;
  const short = (text: string) => text.replaceAll(`${folder}/`, '');
  if (msg.startsWith(FAILED)) return failedLines(record, short(msg.slice(FAILED.length).replace(/^: /, '')), columns);
  switch (msg) {
    case 'starting':
      return [timed(record, [{ text: startText(record, folder) }])];
    case 'listening':
      return [timed(record, [{ text: `listening on ${record.address} port ${record.port}` }])];
    case 'status':
      return [timed(record, [{ text: statusText(record) }]), ...statsDetails(record.stats).map(indented)];
    case 'stopping':
    case 'stopping at once':
      return [timed(record, [{ text: `${msg}: ${record.signal}, ${transferCount(record.transfers)} under way` }])];
    case UNREADABLE:
      return [timed(record, [{ text: 'warning ', colour: 'yellow' }, { text: `${short(String(record.path))} ${UNREADABLE}` }])];
    case 'datagrams dropped': {
      const { drops, ...rest } = record;
      return [plainLine({ ...rest, msg: `${record.msg}: ${dropsText(drops)}` }, short)];
    }
    case 'reload done':
      return [timed(record, [{ text: 'reloaded ', colour: 'green' }, { text: reloadText(record, folder) }])];
    case 'takes effect after a restart':
      return [below('warning', `${record.key} takes effect after a restart: ${record.reason}`)];
    case 'check':
      return [below(String(record.severity), short(findingText(record)))];
    default:
      return [plainLine(record, short)];
  }
}

/** The message about an unreadable config file, after its path. */
export const UNREADABLE = "cannot be read by the server's user: saving it has no effect";

/** The beginning of a failed reload's message. */
const FAILED = 'reload failed, the current config stays in force';
/** In the first line if there is space, otherwise in the last. */
const STAYS = 'the current config stays in force';

/** One line if it fits, otherwise the subject with the rest below it. The line of the file is given by number, not quoted. */
function failedLines(record: LogRecord, problem: string, columns: number): readonly Line[] {
  const told = problem.split('\n').filter((line) => !/^\s*(\d+ )?\| /.test(line));
  const several = / \d+ problems$/.test(told[0]!);
  // A hint follows its problem, indented further.
  const parts = (
    several
      ? told
          .join('\n')
          .replace(/\n {4,}/g, '; ')
          .split('\n')
      : told
  ).map((line) => line.trim());
  const room = columns - 'reload failed: '.length - INDENT.length;
  const whole = parts.join('; ');
  const [head, ...more] = several || whole.length > room ? parts : [whole];
  const ended = `${head}; ${STAYS}`;
  const fits = ended.length <= room;
  return [
    timed(record, [{ text: 'reload failed', colour: 'red' }, { text: `: ${fits ? ended : head}` }]),
    ...more.map((line): Line => (several ? below('error', line) : indented(line))),
    ...(fits ? [] : [indented(STAYS)]),
  ];
}

function startText({ config, rootDir, plugins }: LogRecord, folder: string): string {
  const names = listOf(plugins).join(', ') || 'none';
  const by = textOf(config) === undefined ? '' : ` with ${nearer(String(config), folder)}`;
  return `serving ${nearer(String(rootDir), folder)}${by}, plugins: ${names}`;
}

function statusText({ transfers, generation, addresses, stats }: LogRecord): string {
  const where = listOf(addresses).map((one) => `${objectOf(one).address} port ${objectOf(one).port}`);
  const counted = statsText(stats);
  const sinceStart = counted === undefined ? '' : `; since the start: ${counted}`;
  return `${transferCount(transfers)} under way, generation ${generation}, on ${where.join(', ')}${sinceStart}`;
}

function transferCount(transfers: unknown): string {
  return `${numberOf(transfers) ?? 0} transfer${transfers === 1 ? '' : 's'}`;
}

/** `rack.csv: 2 machines changed, 6 ms` */
function reloadText({ files, machines, keys, plugins, draining, ms }: LogRecord, folder: string): string {
  const names = listOf(files).map((file) => nearer(String(file), folder));
  const shown = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} more files`] : names;
  const { added, removed, changed } = objectOf(plugins);
  const machineCount = numberOf(machines);
  const what = [
    ...(machineCount === undefined ? [] : [`${machineCount || 'no'} machine${machineCount === 1 ? '' : 's'} changed`]),
    ...(listOf(keys).length > 0 ? [`${listOf(keys).join(', ')} changed`] : []),
    ...(listOf(added).length > 0 ? [`plugin ${listOf(added).join(', ')} added`] : []),
    ...(listOf(removed).length > 0 ? [`plugin ${listOf(removed).join(', ')} removed`] : []),
    ...(listOf(changed).length > 0 ? [`plugin ${listOf(changed).join(', ')} changed`] : []),
    ...(numberOf(draining)
      ? [`${draining} transfer${draining === 1 ? ' continues as it began' : 's continue as they began'}`]
      : []),
    timeText(numberOf(ms) ?? 0),
  ];
  return `${shown.join(', ') || 'the config'}: ${what.join(', ')}`;
}

function findingText({ file, line, path, finding }: LogRecord): string {
  const place = textOf(file) === undefined ? [] : [line === undefined ? String(file) : `${file}:${line}`];
  return [...place, path, finding].filter((part) => part !== undefined && part !== '').join(': ');
}

/** Any other line: its message, then its fields. */
function plainLine(record: LogRecord, short: (text: string) => string): Line {
  const { level, time: _, msg, err, plugin, hook: __, transfer: ___, generation: ____, ...fields } = record;
  const failure = textOf(objectOf(err).message);
  const at = textOf(objectOf(err).at);
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  // An error of a plugin names the plugin.
  const who = plugin !== undefined && failure === undefined ? `${plugin}: ` : '';
  const told = msg === 'plugin failed' && failure !== undefined ? '' : `${who}${msg}`;
  const text = [...(at === undefined ? [] : [at]), ...(told === '' ? [] : [told]), ...(failure === undefined ? [] : [failure])];
  const [label, colour] = labelOf(level);
  return timed(record, [
    ...(label === '' ? [] : [{ text: `${label} `, colour }]),
    { text: oneLine(short(text.join(': '))), colour: level < 30 ? 'dim' : undefined },
    ...(rest.length === 0 ? [] : [{ text: `  ${oneLine(short(rest.join(', ')))}`, colour: 'dim' as const }]),
  ]);
}

function labelOf(level: number): readonly [string, Colour | undefined] {
  if (level >= 50) return ['error', 'red'];
  return level >= 40 ? ['warning', 'yellow'] : ['', undefined];
}

function timed(record: LogRecord, spans: Line): Line {
  return [{ text: `${clockText(record.time)} `, colour: 'dim' }, ...spans];
}

function below(severity: string, text: string): Line {
  return [{ text: `${INDENT}${severity} `, colour: severity === 'error' ? 'red' : 'yellow' }, { text: oneLine(text) }];
}

/** Continuation of the line above. */
function indented(text: string): Line {
  return [{ text: `${INDENT}${oneLine(text)}`, colour: 'dim' }];
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ');
}

/** Relative if that is shorter. */
function nearer(path: string, folder: string): string {
  const way = isAbsolute(path) ? relative(folder, path) : path;
  return way === '' ? '.' : way.startsWith('..') ? path : way;
}
