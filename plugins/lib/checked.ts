/**
 * Options of several shapes, of which what is written tells which one is meant. A union would try them all and guess.
 */
import type { Issue } from 'pxe';
import { checkInput } from 'pxe/kit';
import { z } from 'zod';

/** A schema that checks by the schema that `choose` picks, and, once that is content, by `more`. */
export function checkedBy<Input, Value>(
  choose: (written: unknown) => z.ZodType<Value>,
  more: (value: Value) => readonly Issue[] = () => [],
): z.ZodType<Value, Input> {
  return z.custom<Input>().transform((written, context): Value => {
    const { value, issues } = checkInput(choose(written), written);
    const found = issues ?? more(value);
    if (issues === undefined && found.length === 0) return value;
    for (const { path, message, hint } of found) {
      context.addIssue({ code: 'custom', path: [...path], message, params: { hint } });
    }
    return z.NEVER;
  });
}
