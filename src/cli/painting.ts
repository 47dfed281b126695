/**
 * Text for a terminal in cells of a known width, with optional colours. All text from clients passes here: no cell writes a
 * control byte to the terminal.
 */
import { visible } from './terminal.ts';

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** A piece of a line, in one colour. */
export interface Span {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

const SGR: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

/** Whether output to a stream is coloured: on a terminal, unless NO_COLOR is set and not empty (https://no-color.org). */
export function isColoured(stream: { readonly isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): boolean {
  return Boolean(stream.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** One line, without a line end. */
export function paint(spans: readonly Span[], coloured: boolean): string {
  return paintWhole(spans, coloured).trimEnd();
}

/** The same with trailing blanks, which may be significant. */
export function paintWhole(spans: readonly Span[], coloured: boolean): string {
  return spans.map(({ text, colour }) => inColour(visible(text), coloured ? colour : undefined)).join('');
}

/** Text of this program, which is written to the terminal unchanged. */
export function inColour(text: string, colour: Colour | undefined): string {
  return colour !== undefined && text.trim() !== '' ? `\x1b[${SGR[colour]}m${text}\x1b[0m` : text;
}

/** Exactly `width` wide: padded at its end, or shortened in the middle. */
export function cell(text: string, width: number, colour?: Colour, cut = cutMiddle): Span {
  return { text: cut(visible(text), width).padEnd(width), colour };
}

/** The same for numbers, which are right-aligned. */
export function numberCell(text: string, width: number, colour?: Colour): Span {
  return { text: cutEnd(text, width).padStart(width), colour };
}

/** `pxelinux.cfg/01-5…0-12-34-56`: similar names usually differ at their ends. */
export function cutMiddle(text: string, width: number): string {
  if (text.length <= width) return text;
  const tail = Math.floor((width - 1) * 0.6);
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`;
}

export function cutEnd(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

export function cutStart(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - Math.max(0, width - 1))}`;
}

/** Lines of a given width, broken between words; all but the first begin with `indent`. A longer word stays whole. */
export function wrap(spans: readonly Span[], width: number, indent: string): readonly (readonly Span[])[] {
  const lines: Span[][] = [[]];
  let used = 0;
  for (const { text, colour } of spans) {
    for (const word of visible(text).match(/ *[^ ]+ *$| *[^ ]+| +/g) ?? []) {
      if (used > indent.length && used + word.trimEnd().length > width) {
        lines.push([{ text: indent + word.trimStart(), colour }]);
        used = indent.length + word.trimStart().length;
      } else {
        lines.at(-1)!.push({ text: word, colour });
        used += word.length;
      }
    }
  }
  return lines.map(joined);
}

/** Merges adjacent pieces of the same colour. */
function joined(spans: readonly Span[]): readonly Span[] {
  const all: Span[] = [];
  for (const span of spans) {
    const last = all.at(-1);
    if (last && last.colour === span.colour) all[all.length - 1] = { text: last.text + span.text, colour: span.colour };
    else all.push(span);
  }
  return all;
}
