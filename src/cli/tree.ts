/**
 * A tree for a terminal.
 */
import { paintWhole, type Span } from './painting.ts';

export interface Branch {
  /** Text on one line. */
  readonly text: string | readonly Span[];
  readonly branches?: readonly Branch[];
}

/** The tree on lines, the trunk first. Control bytes are made visible. */
export function drawTree({ text, branches = [] }: Branch, coloured = false): string {
  const lines = [spansOf(text), ...drawBranches(branches, '')];
  return `${lines.map((spans) => paintWhole(spans, coloured)).join('\n')}\n`;
}

function drawBranches(branches: readonly Branch[], indent: string): (readonly Span[])[] {
  return branches.flatMap(({ text, branches: inner = [] }, index) => {
    const last = index === branches.length - 1;
    const rail: Span = { text: `${indent}${last ? '└─' : '├─'} `, colour: 'dim' };
    return [[rail, ...spansOf(text)], ...drawBranches(inner, `${indent}${last ? '   ' : '│  '}`)];
  });
}

function spansOf(text: string | readonly Span[]): readonly Span[] {
  return typeof text === 'string' ? [{ text }] : text;
}
