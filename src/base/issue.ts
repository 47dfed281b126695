/**
 * What is wrong with a config, for the person who wrote it. Knows nothing of schemas and files.
 */

/** A place in a file. */
export interface Place {
  /** Absolute. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column?: number | undefined;
}

/** One problem. */
export interface Issue {
  /** From the top of the config: `['plugins', 2, 'options', 'table']`; of a data file, where `place` names one. */
  readonly path: readonly PropertyKey[];
  /** Where it stands, if not in the config itself. */
  readonly place?: Place | undefined;
  /** What was expected and what was found; lower case, no period. */
  readonly message: string;
  /** What may have been meant. */
  readonly hint?: string | undefined;
}

/** `hosts.yaml:12:5` */
export function formatPlace({ file, line, column }: Place): string {
  return column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`;
}

/** `plugins[2].options["52:54:00:*"].folder` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`;
      const name = String(key);
      if (!/^[a-z_$][\w$]*$/i.test(name)) return `[${JSON.stringify(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}

/** A value as it is shown in a message: short, on one line. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return value instanceof Promise ? 'a promise' : 'an object';
  return String(value);
}
