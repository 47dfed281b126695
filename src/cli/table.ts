/**
 * A table: aligned for a person at a terminal, with tabs between its cells for whatever else reads it.
 */
import { visible } from './terminal.ts';

/** The first row names the columns. Control bytes are made visible, so a tab is always the end of a cell. */
export function drawTable(rows: readonly (readonly string[])[], { aligned }: { readonly aligned: boolean }): string {
  const cells = rows.map((row) => row.map(visible));
  if (!aligned) return cells.map((row) => `${row.join('\t')}\n`).join('');
  const widths = (cells[0] ?? []).map((_, column) => cells.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0));
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
