/** How the scripts tell: tables, verdicts, and progress where somebody watches. */

export class Report {
  failures = 0;
  readonly #terminal = process.stderr.isTTY === true;

  line(text = ''): void {
    this.progress('');
    process.stdout.write(`${text}\n`);
  }

  /** A claim and whether it holds. */
  check(holds: boolean, claim: string, detail?: string | undefined): void {
    if (!holds) this.failures++;
    this.line(`${holds ? 'PASS' : 'FAIL'}  ${claim}${detail === undefined || detail === '' ? '' : `: ${detail}`}`);
  }

  /** Columns as wide as they must be: numbers to the right, texts to the left. */
  table(rows: readonly (readonly (string | number)[])[]): void {
    const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)));
    const padded = (cell: string | number, column: number) =>
      typeof cell === 'number' ? String(cell).padStart(widths[column]!) : cell.padEnd(widths[column]!);
    for (const row of rows) this.line(row.map(padded).join('  ').trimEnd());
  }

  /** Replaces the last one; quiet in a pipe. */
  progress(text: string): void {
    if (this.#terminal) process.stderr.write(`\r\x1b[K${text}`);
  }

  /** The last line, and the exit code that goes with it. */
  end(what: string): void {
    this.line(this.failures === 0 ? `PASS  ${what}` : `FAIL  ${what}: ${this.failures} failed`);
    process.exitCode = this.failures === 0 ? 0 : 1;
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
