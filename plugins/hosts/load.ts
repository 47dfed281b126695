/**
 * Loads the machines of a config and its data files: first the config's own, then file by file.
 */
import { ConfigError, type Issue } from 'pxe';
import { nearest, type Slices } from 'pxe/kit';
import { groupIssues, type Inventory } from './inventory.ts';
import type { HostsOptions } from './options.ts';
import type { Read } from './read.ts';
import { readApart } from './reading.ts';

export interface Loading {
  /** Absolute path. */
  readonly files: readonly string[];
  readonly options: HostsOptions;
  readonly slices: Slices;
  /** Called with mistakes instead of throwing them; the valid entries are then loaded. */
  readonly tolerate: ((issues: readonly Issue[]) => void) | undefined;
}

export interface Loaded {
  /** Without {@link groupIssues}. */
  readonly inventory: Inventory;
  /** Entries of the files that are valid but perhaps not intended. */
  readonly warnings: readonly Issue[];
}

/** Maximum mistakes that are reported together. */
const MAX_TOLD = 25;

/** Throws a `ConfigError` with the mistakes of all files that are not tolerated. */
export async function loadInventory(inline: Inventory, { files, options, slices, tolerate }: Loading): Promise<Loaded> {
  const read: Read[] = [];
  // In sequence: each file may take a thread and much memory.
  for (const file of files) read.push(await readApart(file, options.columns, slices));
  const all = [inline, ...read.map(({ inventory }) => inventory)];
  const inventory = { hosts: all.flatMap(({ hosts }) => hosts), groups: all.flatMap(({ groups }) => groups) };
  const option = (index: number) => (typeof options.file === 'string' ? ['file'] : ['file', index]);
  const issues: Issue[] = read.flatMap((one, index) =>
    one.issues.map((issue) => (issue.place === undefined ? { ...issue, path: option(index) } : issue)),
  );
  // The missing group may be in a file that could not be read.
  if (issues.length === 0) issues.push(...groupIssues(inventory));
  const warnings = [...read.flatMap((one) => one.warnings), ...unusedColumns(options, read)];
  if (issues.length === 0) return { inventory, warnings };
  if (issues.length > MAX_TOLD)
    issues.splice(MAX_TOLD, issues.length, { path: [], message: `and ${issues.length - MAX_TOLD} more` });
  const first = issues.length > 0 && issues.every(({ place }) => place) && files.length === 1 ? files[0] : undefined;
  if (tolerate === undefined) throw new ConfigError(first, issues);
  tolerate(issues);
  return { inventory: withKnownGroups(inventory), warnings };
}

/** The column may be in a table that could not be read. */
function unusedColumns({ columns = {} }: HostsOptions, read: readonly Read[]): Issue[] {
  if (read.some(({ issues }) => issues.length > 0)) return [];
  const headers = read.flatMap((one) => one.headers ?? []);
  const there = new Set(headers.map((header) => header.toLowerCase()));
  return Object.keys(columns).flatMap((header) => {
    if (there.has(header.trim().toLowerCase())) return [];
    const near = nearest(header, headers);
    const hint = near === undefined ? {} : { hint: `did you mean ${JSON.stringify(near)}?` };
    return [{ path: ['columns', header], message: 'no table here has such a column', ...hint }];
  });
}

/** Removes unknown groups, and all groups if there is a cycle. */
function withKnownGroups({ hosts, groups }: Inventory): Inventory {
  const byName = new Map(groups.toReversed().map((group) => [group.name, group]));
  const listed = [...byName.values()];
  const circular = groupIssues({ hosts: [], groups: listed }).some(({ path }) => path.at(-1) === 'groups');
  const within = <Listed extends { readonly entry: { readonly groups?: readonly string[] | undefined } }>(
    one: Listed,
  ): Listed => ({
    ...one,
    entry: { ...one.entry, groups: one.entry.groups?.filter((name) => byName.has(name)) },
  });
  const alone = <Listed extends { readonly entry: object }>(one: Listed): Listed => ({
    ...one,
    entry: { ...one.entry, groups: [] },
  });
  return { hosts: hosts.map(within), groups: listed.map(circular ? alone : within) };
}
