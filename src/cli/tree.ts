/**
 * A tree for a terminal.
 */
import { visible } from './terminal.ts';

export interface Branch {
  /** On one line. */
  readonly text: string;
  readonly branches?: readonly Branch[];
}

/** The tree on lines, the trunk first. Control bytes are made visible. */
export function drawTree({ text, branches = [] }: Branch): string {
  return `${[visible(text), ...drawBranches(branches, '')].join('\n')}\n`;
}

function drawBranches(branches: readonly Branch[], indent: string): string[] {
  return branches.flatMap(({ text, branches: inner = [] }, index) => {
    const last = index === branches.length - 1;
    return [`${indent}${last ? '└─' : '├─'} ${visible(text)}`, ...drawBranches(inner, `${indent}${last ? '   ' : '│  '}`)];
  });
}
