/**
 * A schema for options of several shapes, of which the value itself shows which is meant. A zod union would try all shapes and
 * report the mistakes of a guessed one.
 */
import type { Issue } from 'pxe';
import { checkInput } from 'pxe/kit';
import { z } from 'zod';

/** A schema that applies the schema chosen by `choose` and, if that succeeds, `more`. */
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
