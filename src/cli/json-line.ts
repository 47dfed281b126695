/**
 * Changes to a finished JSON line of the log. Each line begins with its level: `{"level":30,…`.
 */
import { pino } from 'pino';
import { UNSEEN } from './terminal.ts';

const HEAD = '{"level":';

/** A name from a client must not affect the terminal on which the line is viewed. The meaning of the JSON is unchanged. */
export function withoutControls(line: string): string {
  return line.replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `{"level":"info",…` */
export function withLevelName(line: string): string {
  const level = levelOf(line);
  const name = pino.levels.labels[level];
  return name === undefined ? line : `${HEAD}"${name}"${line.slice(HEAD.length + String(level).length)}`;
}

/**
 * Puts the priority before a line, as the journal takes it (sd-daemon(3)): `<4>{…`.
 * @param line as pino wrote it
 * @param shown the same line in its final form
 */
export function withPriority(line: string, shown: string): string {
  return `<${priorityOf(levelOf(line))}>${shown}`;
}

/** syslog(3) */
function priorityOf(level: number): number {
  if (level >= 60) return 2;
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
}

/** NaN for any other line. */
function levelOf(line: string): number {
  return line.startsWith(HEAD) ? Number.parseInt(line.slice(HEAD.length, HEAD.length + 4), 10) : Number.NaN;
}
