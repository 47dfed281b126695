/**
 * All machines that a config lists, and what each would get: many questions to the same `explain`.
 */
import type { Machine } from '../plugin/types.ts';
import type { Generation } from '../service/generation.ts';
import { type Explanation, explain, type Question } from './explain.ts';

/** A machine and one name that it requests. */
export interface MachineQuestion {
  readonly machine: Machine;
  readonly question: Question;
}

/** An address without any facts represents an unknown address. */
export const UNKNOWN_ADDRESS = '0.0.0.0';

/** One question for each machine and name: first the given names, then those that the config expects the machine to request. */
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

/** The machines of two configs as one list: a machine with the same name and identity in both appears once. */
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

/** Answers in the order of the questions. A few run concurrently, so that one slow hook does not delay all. */
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

/** The source of the bytes does not count: a machine sees only the names that it requests. */
function answerOf({ served, agreed, error }: Explanation): unknown {
  return { size: served?.size, digest: served?.digest, agreed, error };
}
