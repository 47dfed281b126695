/**
 * A config that cannot be used, told to the person who wrote it: all problems at once, each where it stands.
 */
import { formatPath, formatPlace, type Issue, type Place } from '../base/issue.ts';

/** A place in a file that is no valid program or data, or where a program threw. */
export interface SourcePlace extends Place {
  /** The line itself. */
  readonly text?: string | undefined;
}

export interface ConfigErrorDetails {
  /** Where the config cannot even be read or run. */
  readonly place?: SourcePlace | undefined;
  /** What the config is made of as far as that is known, files that were not found included: a change of one may mend it. */
  readonly files?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/** Thrown by everything that reads a config. The message is fit for a terminal, on several lines. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Absolute; `undefined` if the config came from no file. */
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
  // A config of no file, such as a plugin's options, has no name to begin with.
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

/** `    5 | plugins: [` and a mark below the column. */
function excerpt(line: number, column: number | undefined, text: string): string {
  const gutter = `    ${line} | `;
  // Tabs stay tabs, so that the mark stands below its column however wide a terminal shows them.
  const mark =
    column === undefined ? '' : `\n${' '.repeat(gutter.length - 2)}| ${text.slice(0, column - 1).replace(/[^\t]/g, ' ')}^`;
  return `${gutter}${text}${mark}`;
}
