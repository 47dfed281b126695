/**
 * Problems in a config, described for its author. Independent of schemas and files.
 */

/** A place in a file. */
export interface Place {
  /** Absolute path. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
  /** One-based. */
  readonly column?: number | undefined;
}

/** One problem. */
export interface Issue {
  /** Path from the top of the config, such as `['plugins', 2, 'options', 'table']`, or of the data file that `place` names. */
  readonly path: readonly PropertyKey[];
  /** Location in a file, if the problem is not in the config itself. */
  readonly place?: Place | undefined;
  /** What was expected and what was found; lower case, no period. */
  readonly message: string;
  /** What the author may have meant. */
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

/** Formats a value for a message: short, on one line. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return value instanceof Promise ? 'a promise' : 'an object';
  return String(value);
}
