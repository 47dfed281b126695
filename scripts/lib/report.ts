/** What the scripts print: tables, verdicts, and progress on a terminal. With `--write` it also goes to docs/measurements.md. */
import { parseArgs } from 'node:util';
import { provenanceOfRun, provenanceText, writeBlock } from '../../test/kit/figures.ts';

/** Flags that every measuring script takes. */
export const WRITE_OPTIONS = { write: { type: 'boolean', default: false }, into: { type: 'string' } } as const;

/** What a script knows of itself, so that its figures can be written. */
export interface Figures {
  /** Its name in package.json. */
  readonly script: string;
  /** Environment variables that change what is measured. */
  readonly settings?: readonly string[];
  /** Values of {@link WRITE_OPTIONS}, if the script has parsed them with its own. */
  readonly flags?: { readonly write: boolean; readonly into?: string | undefined };
}

type Entry = { readonly kind: 'line' | 'table' | 'check'; readonly text: string };

export class Report {
  failures = 0;
  readonly #terminal = process.stderr.isTTY === true;
  readonly #figures: Figures;
  readonly #flags: NonNullable<Figures['flags']>;
  readonly #entries: Entry[] = [];

  constructor(figures: Figures) {
    this.#figures = figures;
    this.#flags = figures.flags ?? parseArgs({ options: WRITE_OPTIONS }).values;
  }

  line(text = ''): void {
    this.#entries.push({ kind: 'line', text });
    this.#print(text);
  }

  /** A claim and whether it holds. */
  check(holds: boolean, claim: string, detail?: string | undefined): void {
    if (!holds) this.failures++;
    const text = `${claim}${detail === undefined || detail === '' ? '' : `: ${detail}`}`;
    this.#entries.push({ kind: 'check', text: `- ${text}` });
    this.#print(`${holds ? 'PASS' : 'FAIL'}  ${text}`);
  }

  /** Columns as wide as they must be: numbers to the right, texts to the left. */
  table(rows: readonly (readonly (string | number)[])[]): void {
    const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)));
    const padded = (cell: string | number, column: number) =>
      typeof cell === 'number' ? String(cell).padStart(widths[column]!) : cell.padEnd(widths[column]!);
    for (const row of rows) this.#print(row.map(padded).join('  ').trimEnd());
    const [head, ...body] = rows.map((row) => `| ${row.join(' | ')} |`);
    const rule = `|${rows[0]!.map(() => ' --- |').join('')}`;
    this.#entries.push({ kind: 'table', text: [head, rule, ...body].join('\n') });
  }

  /** Replaces the last one; quiet in a pipe. */
  progress(text: string): void {
    if (this.#terminal) process.stderr.write(`\r\x1b[K${text}`);
  }

  /** The last line, and the exit code that goes with it. */
  end(what: string): void {
    this.#print(this.failures === 0 ? `PASS  ${what}` : `FAIL  ${what}: ${this.failures} failed`);
    this.write();
    process.exitCode = this.failures === 0 ? 0 : 1;
  }

  /** Writes what was printed in place of the script's block, if `--write` was given and nothing has failed. */
  write(): void {
    const { write, into } = this.#flags;
    if (!write) return;
    if (this.failures > 0) return this.#print('not written, because a check failed');
    const { script, settings } = this.#figures;
    const provenance = provenanceText(provenanceOfRun(script, settings));
    writeBlock({ source: script, text: `${this.#markdown()}\n\n${provenance}` }, into);
  }

  #print(text: string): void {
    this.progress('');
    process.stdout.write(`${text}\n`);
  }

  /** Lists, tables and paragraphs, a blank line between two of different kinds. */
  #markdown(): string {
    return this.#entries
      .map(({ kind, text }, index) => (index > 0 && this.#entries[index - 1]!.kind !== kind ? `\n${text}` : text))
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim();
  }
}

/** @param share 0–1; 0.5 is the median */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
