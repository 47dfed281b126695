/**
 * The phases of a state machine, and which of them may follow which.
 */

export type Phases<P extends string> = Readonly<Record<P, readonly P[]>>;

/** Returns `to`. Throws a `TypeError` if it may not follow `from`: the machine has a mistake. */
export function advance<P extends string>(phases: Phases<P>, from: P, to: P): P {
  if (!phases[from].includes(to)) throw new TypeError(`a transfer cannot go from '${from}' to '${to}'`);
  return to;
}
