/** Numbers of the command line. */
import { InvalidArgumentError } from 'commander';

/** Reads a whole number within bounds, both included. */
export function whole(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most) {
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    }
    return number;
  };
}
