/**
 * A config that cannot be used: all problems at once, each with its location.
 */
import { formatPath, formatPlace, type Issue, type Place } from '../base/issue.ts';

/** A location with a syntax error, or where a program threw. */
export interface SourcePlace extends Place {
  /** Text of the line. */
  readonly text?: string | undefined;
}

export interface ConfigErrorDetails {
  /** Location of an error that prevents reading or running the config. */
  readonly place?: SourcePlace | undefined;
  /** Files that the config depends on, as far as known, including missing ones: changing one may fix it. */
  readonly files?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/** Thrown by everything that reads a config. The message has several lines, for a terminal. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Absolute; `undefined` if the config did not come from a file. */
  readonly file: string | undefined;
  readonly issues: readonly Issue[];
  readonly place: SourcePlace | undefined;
  readonly files: readonly string[];

  constructor(
    file: string | undefined,
    issues: readonly Issue[],
    { place, files = file === undefined ? [] : [file], cause }: ConfigErrorDetails = {},
  ) {
    super(format(file, issues, place), cause === undefined ? {} : { cause });
    this.file = file;
    this.issues = issues;
    this.place = place;
    this.files = files;
  }
}

function format(file: string | undefined, issues: readonly Issue[], place: SourcePlace | undefined): string {
  const where = place ? formatPlace(place) : (file ?? 'config');
  const lines = issues.map(formatIssue);
  if (place?.text !== undefined) lines.push(excerpt(place.line, place.column, place.text));
  if (lines.length === 0) return where;
  const [first] = issues;
  // A config without a file, such as a plugin's options, has no name to start with.
  if (issues.length === 1 && (first!.place || (file === undefined && place === undefined))) return formatIssue(first!);
  const only = issues.length === 1 && first!.path.length === 0;
  return only
    ? `${where}: ${lines.join('\n')}`
    : [`${where}: ${issues.length} problem${issues.length === 1 ? '' : 's'}`, ...lines.map((line) => `  ${line}`)].join('\n');
}

function formatIssue({ path, place, message, hint }: Issue): string {
  const at = [...(place ? [formatPlace(place)] : []), ...(path.length === 0 ? [] : [formatPath(path)])].map(
    (part) => `${part}: `,
  );
  return `${at.join('')}${message}${hint === undefined ? '' : `\n    ${hint}`}`;
}

/** `    5 | plugins: [` and a marker below the column. */
function excerpt(line: number, column: number | undefined, text: string): string {
  const gutter = `    ${line} | `;
  // Keep tabs, so that the marker is below its column at any tab width.
  const mark =
    column === undefined ? '' : `\n${' '.repeat(gutter.length - 2)}| ${text.slice(0, column - 1).replace(/[^\t]/g, ' ')}^`;
  return `${gutter}${text}${mark}`;
}
