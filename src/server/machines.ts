/**
 * Every machine that a config lists, and what each would get: many questions to the same `explain`.
 */
import type { Machine } from '../plugin/types.ts';
import type { Generation } from '../service/generation.ts';
import { type Explanation, explain, type Question } from './explain.ts';

/** A machine that asks for one name. */
export interface MachineQuestion {
  readonly machine: Machine;
  readonly question: Question;
}

/** An address that nothing is known of stands for one that is not known. */
export const UNKNOWN_ADDRESS = '0.0.0.0';

/** One question for each machine and name: the names given, then those that the config expects of the machine. */
export function questionsOf(
  machines: readonly Machine[],
  names: readonly string[],
  how: Pick<Question, 'mode' | 'options'> = {},
): readonly MachineQuestion[] {
  return machines.flatMap((machine) => {
    const { name: _, names: expected, address = UNKNOWN_ADDRESS, ...known } = machine;
    const asked = [...new Set([...names, ...expected])];
    return asked.map((name) => ({ machine, question: { ...how, ...known, name, address } }));
  });
}

/** Machines of two configs as one list: a machine that both know under one name and one identity is one. */
export function mergeMachines(...lists: readonly (readonly Machine[])[]): readonly Machine[] {
  const merged = new Map<string, Machine>();
  for (const machine of lists.flat()) {
    const { names, ...who } = machine;
    const key = JSON.stringify(Object.entries(who).sort());
    const known = merged.get(key);
    merged.set(key, { ...machine, names: [...new Set([...(known?.names ?? []), ...names])] });
  }
  return [...merged.values()];
}

/** Answers in the order of the questions; a few at a time, so that one slow hook does not hold up all. */
export async function explainEach(generation: Generation, questions: readonly Question[]): Promise<readonly Explanation[]> {
  const answers: Explanation[] = [];
  const queue = questions.entries();
  const work = async () => {
    for (const [index, question] of queue) answers[index] = await explain(generation, question);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return answers;
}

const AT_A_TIME = 8;

/** Whether a machine would notice: other bytes, another ERROR, other options. */
export function differ(one: Explanation, other: Explanation): boolean {
  return JSON.stringify(answerOf(one)) !== JSON.stringify(answerOf(other));
}

/** Where the bytes come from does not count: a machine sees names of its own only. */
function answerOf({ served, agreed, error }: Explanation): unknown {
  return { size: served?.size, digest: served?.digest, agreed, error };
}
