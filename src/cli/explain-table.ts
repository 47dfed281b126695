/**
 * Explanations as a table: machine, requested name and file; and what another config would change.
 */
import type { Machine } from '../plugin/types.ts';
import type { Explanation } from '../server/explain.ts';
import { differ, type MachineQuestion } from '../server/machines.ts';
import { tellAnswer } from './explain-tree.ts';
import type { Cell } from './table.ts';
import { byteCount } from './terminal.ts';

/** A machine's question and its answer. */
export interface Row extends MachineQuestion {
  readonly explanation: Explanation;
  /** What the machine is offered for booting. */
  readonly offer?: string;
}

/** A question to which two configs give different answers. */
export interface Change extends MachineQuestion {
  readonly before: Explanation;
  readonly after: Explanation;
}

/** @param offers what machines are offered to boot, for a column of its own. @returns rows of cells, the first of which names the columns */
export function tableOf(rows: readonly Row[], offers?: ReadonlyMap<Machine, string>): readonly (readonly Cell[])[] {
  const last = (machine: Machine): readonly Cell[] => (offers === undefined ? [] : [offers.get(machine) ?? '-']);
  const listed = new Set(rows.map(({ machine }) => machine));
  return [
    ['MACHINE', 'KNOWN BY', 'ASKS FOR', 'GETS', 'SIZE', ...(offers === undefined ? [] : ['BOOTS'])],
    ...rows.map(({ explanation, ...asking }) => {
      const { served } = explanation;
      const size = served?.size === undefined ? '-' : byteCount(served.size);
      return [...cellsOf(asking), answerCell(explanation, served?.from), size, ...last(asking.machine)];
    }),
    // No requested name is known, but the boot offer is.
    ...[...(offers?.keys() ?? [])]
      .filter((machine) => !listed.has(machine))
      .map((machine) => [machine.name, knownBy(machine), '-', '-', '-', ...last(machine)]),
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

/** An ERROR must stand out in a long table. */
function answerCell(explanation: Explanation, text = tellAnswer(explanation)): Cell {
  return explanation.error ? { text, colour: 'red' } : text;
}

function cellsOf({ machine, question }: MachineQuestion): readonly string[] {
  return [machine.name, knownBy(machine), question.name];
}

function knownBy({ mac, uuid, serial, address }: Machine): string {
  return mac ?? uuid ?? serial ?? address ?? '-';
}

/** A difference that name and size do not show. */
function innerChange(before: Explanation, after: Explanation): string {
  if (before.served?.digest !== after.served?.digest) return 'different content';
  return `options ${after.agreed.map(({ name, value }) => `${name}=${value}`).join(' ') || 'none'}`;
}
