/**
 * A table: aligned for a terminal, otherwise with tabs between its cells.
 */
import { paint, type Span } from './painting.ts';
import { visible } from './terminal.ts';

/** A cell's colour is used if the table is coloured. */
export type Cell = string | Span;

export interface TableStyle {
  readonly aligned: boolean;
  readonly coloured?: boolean;
}

/** The first row names the columns. Control bytes are made visible, so a tab is always the end of a cell. */
export function drawTable(rows: readonly (readonly Cell[])[], { aligned, coloured = false }: TableStyle): string {
  const cells = rows.map((row, index) => row.map((cell) => spanOf(cell, index === 0)));
  if (!aligned) return cells.map((row) => `${row.map(({ text }) => text).join('\t')}\n`).join('');
  const widths = (cells[0] ?? []).map((_, column) =>
    cells.reduce((most, row) => Math.max(most, row[column]?.text.length ?? 0), 0),
  );
  // The blanks up to the next column are not coloured.
  const gap = (text: string, column: number): Span => ({ text: ' '.repeat(widths[column]! - text.length + 2) });
  return cells
    .map((row) => row.flatMap((cell, column) => [cell, gap(cell.text, column)]))
    .map((spans) => `${paint(spans, coloured)}\n`)
    .join('');
}

function spanOf(cell: Cell, isHead: boolean): Span {
  const { text, colour } = typeof cell === 'string' ? { text: cell } : cell;
  return { text: visible(text), colour: colour ?? (isHead ? 'bold' : undefined) };
}
