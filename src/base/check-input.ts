/**
 * Checks a value against a zod schema and describes each problem: what was expected, what was found, and a hint for frequent
 * mistakes.
 */
import type { z } from 'zod';
import { formatPath, type Issue, show } from './issue.ts';
import { nearest } from './nearest.ts';

/** Checks `input` and returns all problems at once. `path` is where `input` is in the config. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  path: readonly PropertyKey[] = [],
): { readonly value: z.output<Schema>; readonly issues?: never } | { readonly value?: never; readonly issues: readonly Issue[] } {
  try {
    const result = schema.safeParse(input, { reportInput: true });
    if (result.success) return { value: result.data };
    return { issues: result.error.issues.flatMap((issue) => issuesOf(issue, schema, input, path)) };
  } catch (error) {
    // A refinement or transform in the author's schema threw, or is asynchronous.
    return { issues: [{ path, message: `could not be checked: ${error instanceof Error ? error.message : String(error)}` }] };
  }
}

type ZodIssue = z.core.$ZodIssue;

function issuesOf(issue: ZodIssue, schema: z.ZodType, input: unknown, prefix: readonly PropertyKey[]): Issue[] {
  const path = [...prefix, ...issue.path];
  const found = 'input' in issue ? issue.input : at(input, issue.path);
  switch (issue.code) {
    case 'invalid_type':
      return [
        {
          path,
          message: `expected ${nouns[issue.expected] ?? issue.expected}, found ${show(found)}`,
          hint: typeHint(issue.expected, found),
        },
      ];
    case 'invalid_value':
      return [
        {
          path,
          message: `expected ${orList(issue.values.map(show))}, found ${show(found)}`,
          hint: didYouMean(found, issue.values),
        },
      ];
    case 'unrecognized_keys': {
      const known = keysAt(schema, issue.path);
      const elsewhere = (key: string) => placeOfKey(schema, issue.path, key) ?? placeOfKey(schema, [], key);
      return issue.keys.map((key) => unknownKey([...path, key], key, known, elsewhere(key)));
    }
    case 'too_small':
      return [
        {
          path,
          message: `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${bound(issue.minimum, issue.origin)}, found ${size(found)}`,
        },
      ];
    case 'too_big':
      return [
        {
          path,
          message: `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${bound(issue.maximum, issue.origin)}, found ${size(found)}`,
        },
      ];
    case 'invalid_union':
      return unionIssues(issue, schema, input, prefix, found);
    case 'invalid_key':
      return issue.issues.map((inner) => ({ path, message: sentence(inner.message, path.at(-1)) }));
    case 'invalid_element':
      return [{ path, message: issue.issues.map((inner) => plain(inner.message)).join('; ') || plain(issue.message) }];
    case 'invalid_format':
    case 'not_multiple_of':
      return [{ path, message: sentence(issue.message, found) }];
    case 'custom':
      return [
        {
          path,
          message: sentence(issue.message, found),
          hint: typeof issue.params?.hint === 'string' ? issue.params.hint : undefined,
        },
      ];
  }
}

/** @param elsewhere the path where a key of that name is valid, if there is one */
function unknownKey(path: readonly PropertyKey[], key: string, known: readonly string[], elsewhere: string | undefined): Issue {
  // Another branch of the union knows the key.
  if (known.includes(key)) return { path, message: 'cannot be combined with the other keys here' };
  return {
    path,
    message: 'unknown key',
    hint:
      (elsewhere === undefined ? undefined : `it belongs at ${elsewhere}`) ??
      didYouMean(key, known) ??
      (known.length === 0 ? undefined : `valid keys: ${known.join(', ')}`),
  };
}

/** Picks the branch of a failed union that was most likely meant: the one with the fewest problems, none of them about the whole value. */
function unionIssues(
  issue: ZodIssue & { code: 'invalid_union' },
  schema: z.ZodType,
  input: unknown,
  prefix: readonly PropertyKey[],
  found: unknown,
): Issue[] {
  const path = [...prefix, ...issue.path];
  const meant = issue.errors.filter((branch) =>
    branch.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  );
  const best = meant.toSorted((a, b) => a.length - b.length)[0];
  if (best)
    return best.flatMap((inner) =>
      issuesOf({ ...inner, path: [...issue.path, ...inner.path] } as ZodIssue, schema, input, prefix),
    );
  const whole = issue.errors.flat().filter((inner) => inner.path.length === 0);
  const custom = whole.find((inner) => inner.code === 'custom' || inner.code === 'invalid_format');
  if (custom) return issuesOf({ ...custom, path: issue.path } as ZodIssue, schema, input, prefix);
  const expected = whole.flatMap((inner) => {
    if (inner.code === 'invalid_type') return [nouns[inner.expected] ?? inner.expected];
    return inner.code === 'invalid_value' ? inner.values.map(show) : [];
  });
  return [{ path, message: `expected ${orList([...new Set(expected)])}, found ${show(found)}` }];
}

const nouns: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  undefined: 'nothing',
  never: 'nothing',
  RegExp: 'a regular expression',
};

function typeHint(expected: string, found: unknown): string | undefined {
  if (
    (expected === 'number' || expected === 'int') &&
    typeof found === 'string' &&
    found.trim() !== '' &&
    !Number.isNaN(Number(found))
  ) {
    return `write the number without quotes: ${found.trim()}`;
  }
  if (expected === 'string' && (typeof found === 'number' || typeof found === 'boolean')) return `write it in quotes: "${found}"`;
  if (expected === 'boolean' && (found === 'true' || found === 'false')) return `write it without quotes: ${found}`;
  if (found instanceof Promise) return 'write `await` before it';
  if (expected === 'array' && found !== undefined && found !== null) return 'write it in brackets: […]';
  return undefined;
}

function didYouMean(found: unknown, known: readonly unknown[]): string | undefined {
  if (typeof found !== 'string') return undefined;
  const name = nearest(
    found,
    known.filter((value) => typeof value === 'string'),
  );
  return name === undefined ? undefined : `did you mean ${JSON.stringify(name)}?`;
}

function bound(limit: number | bigint, origin: string): string {
  if (origin === 'string') return `${limit} character${limit === 1 ? '' : 's'}`;
  if (origin === 'array') return `${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return String(limit);
}

function size(found: unknown): string {
  return Array.isArray(found) ? String(found.length) : show(found);
}

function orList(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? 'something else') : `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}`;
}

/** The schema author's message, with the value found if the message says what was expected. */
function sentence(message: string, found: unknown): string {
  const text = plain(message);
  return text.startsWith('expected') && !text.includes('found') ? `${text}, found ${show(found)}` : text;
}

/** Puts zod's own message into our style. */
function plain(message: string): string {
  const text = message.replace(/^Invalid input: /, '').replace(/(?<!\.)\.$/, '');
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

function at(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined),
    input,
  );
}

/** The keys that the schema knows at a path. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let shapes = objects(schema);
  for (const key of path) shapes = shapes.flatMap((shape) => step(shape, key));
  return [
    ...new Set(shapes.flatMap((shape) => (shape.def.type === 'object' ? Object.keys((shape as z.ZodObject).def.shape) : []))),
  ];
}

/** The nearest place below a path where the key is valid, such as `tftp.limits.windowSize`. */
function placeOfKey(schema: z.ZodType, path: readonly PropertyKey[], key: string): string | undefined {
  for (let level = [path]; level.length > 0; ) {
    const parent = level.find((one) => one !== path && keysAt(schema, one).includes(key));
    if (parent !== undefined) return formatPath([...parent, key]);
    level = level.flatMap((one) => keysAt(schema, one).map((name) => [...one, name]));
  }
  return undefined;
}

function step(schema: z.ZodType, key: PropertyKey): z.ZodType[] {
  const def = schema.def as { type: string; shape?: Record<PropertyKey, z.ZodType>; element?: z.ZodType; valueType?: z.ZodType };
  const next = def.shape?.[key] ?? def.element ?? def.valueType;
  return next ? objects(next) : [];
}

/** Unwraps a schema; a union yields several. */
function objects(schema: z.ZodType): z.ZodType[] {
  const def = schema.def as { innerType?: z.ZodType; in?: z.ZodType; options?: z.ZodType[] };
  if (def.innerType) return objects(def.innerType);
  if (def.in) return objects(def.in);
  return def.options ? def.options.flatMap(objects) : [schema];
}
