/**
 * Explanations as a table: who asks for what and gets which file; and what another config would change in that.
 */
import type { Explanation } from '../server/explain.ts';
import { differ, type MachineQuestion } from '../server/machines.ts';
import { tellAnswer } from './explain-tree.ts';
import type { Cell } from './table.ts';
import { byteCount } from './terminal.ts';

/** A machine's question and its answer. */
export interface Row extends MachineQuestion {
  readonly explanation: Explanation;
}

/** The same question to two configs, whose answers differ. */
export interface Change extends MachineQuestion {
  readonly before: Explanation;
  readonly after: Explanation;
}

/** @returns rows of cells, the first of which names the columns */
export function tableOf(rows: readonly Row[]): readonly (readonly Cell[])[] {
  return [
    ['MACHINE', 'KNOWN BY', 'ASKS FOR', 'GETS', 'SIZE'],
    ...rows.map(({ explanation, ...asking }) => {
      const { served } = explanation;
      const size = served?.size === undefined ? '-' : byteCount(served.size);
      return [...cellsOf(asking), answerCell(explanation, served?.from), size];
    }),
  ];
}

export function changesOf(
  asked: readonly MachineQuestion[],
  before: readonly Explanation[],
  after: readonly Explanation[],
): readonly Change[] {
  return asked
    .map((asking, index) => ({ ...asking, before: before[index]!, after: after[index]! }))
    .filter((change) => differ(change.before, change.after));
}

/** @returns rows of cells, the first of which names the columns */
export function tableOfChanges(changes: readonly Change[]): readonly (readonly Cell[])[] {
  return [
    ['MACHINE', 'KNOWN BY', 'ASKS FOR', 'GETS', 'WOULD GET'],
    ...changes.map(({ before, after, ...asking }) => {
      const told = [tellAnswer(before), tellAnswer(after)];
      const next = told[0] === told[1] ? `${told[1]}, ${innerChange(before, after)}` : told[1];
      return [...cellsOf(asking), answerCell(before), answerCell(after, next)];
    }),
  ];
}

/** An ERROR is what to look for in a long table. */
function answerCell(explanation: Explanation, text = tellAnswer(explanation)): Cell {
  return explanation.error ? { text, colour: 'red' } : text;
}

function cellsOf({ machine, question }: MachineQuestion): readonly string[] {
  const { mac, uuid, serial, address } = machine;
  return [machine.name, mac ?? uuid ?? serial ?? address ?? '-', question.name];
}

/** What is not seen from name and size. */
function innerChange(before: Explanation, after: Explanation): string {
  if (before.served?.digest !== after.served?.digest) return 'different content';
  return `options ${after.agreed.map(({ name, value }) => `${name}=${value}`).join(' ') || 'none'}`;
}
