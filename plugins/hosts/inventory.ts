/**
 * All hosts and groups of a config and its data files, each with its place. It does not interpret them.
 */
import type { Issue, Place } from 'pxe';
import { nearest, parseInterfaceAddress } from 'pxe/kit';
import type { GroupEntry, HostEntry, HostRow } from './options.ts';
import { selectorKeys } from './options.ts';

/** Where an entry was written. */
export interface Origin {
  /** Path in the plugin's options or in the data file. */
  readonly path: readonly PropertyKey[];
  /** Place in the data file. */
  readonly place?: Place | undefined;
}

/** Plain data, so that it can come from another thread. */
export interface ListedHost extends Origin {
  readonly name: string;
  /** Selectors that {@link parseSelector} reads. */
  readonly selectors: readonly string[];
  readonly entry: HostEntry;
}

export interface ListedGroup extends Origin {
  readonly name: string;
  readonly entry: GroupEntry;
}

export interface Inventory {
  readonly hosts: readonly ListedHost[];
  readonly groups: readonly ListedGroup[];
}

/** Returns the place of a path in a data file. */
export type Locate = (path: readonly PropertyKey[]) => Place | undefined;

export function listHosts(
  hosts: Readonly<Record<string, HostEntry>>,
  path: readonly PropertyKey[],
  locate: Locate = () => undefined,
): ListedHost[] {
  return Object.entries(hosts).map(([key, entry]) => {
    const at = [...path, key];
    return { name: entry.name ?? key, selectors: [key], entry, path: at, place: locate(at) };
  });
}

export function listRows(rows: readonly HostRow[], path: readonly PropertyKey[], locate: Locate): ListedHost[] {
  return rows.map((row, index) => {
    const selectors = selectorKeys.flatMap((key) => [row[key] ?? []].flat().map((written) => selectorOf(key, written)));
    const at = [...path, index];
    return { name: row.name ?? selectors[0]!, selectors, entry: row, path: at, place: locate(at) };
  });
}

/** The address column of a table holds machines: an address with the prefix length of its network still means one machine. */
function selectorOf(key: (typeof selectorKeys)[number], written: string): string {
  return key === 'address' ? (parseInterfaceAddress(written)?.address.text ?? written) : prefixes[key] + written;
}

const prefixes = { mac: '', address: '', uuid: 'uuid:', serial: 'serial:', match: '' } as const;

export function listGroups(
  groups: Readonly<Record<string, GroupEntry>>,
  path: readonly PropertyKey[],
  locate: Locate = () => undefined,
): ListedGroup[] {
  return Object.entries(groups).map(([name, entry]) => {
    const at = [...path, name];
    return { name, entry, path: at, place: locate(at) };
  });
}

/** Finds groups that no entry lists, that are listed twice, or that contain themselves. */
export function groupIssues({ hosts, groups }: Inventory): Issue[] {
  const byName = new Map(groups.toReversed().map((group) => [group.name, group]));
  const known = [...byName.keys()];
  const unknown = [...hosts, ...groups].flatMap(({ entry, path, place }) =>
    (entry.groups ?? []).flatMap((name, index): Issue[] => {
      if (byName.has(name)) return [];
      const near = nearest(name, known);
      const hint = near === undefined ? `groups are: ${known.join(', ') || 'none'}` : `did you mean ${JSON.stringify(near)}?`;
      return [{ path: [...path, 'groups', index], place, message: `no group ${JSON.stringify(name)}`, hint }];
    }),
  );
  const twice = groups.flatMap(({ name, path, place }): Issue[] =>
    byName.get(name)?.path === path
      ? []
      : [{ path, place, message: `group ${JSON.stringify(name)} is listed twice`, hint: 'keep one, or rename one' }],
  );
  return [...unknown, ...twice, ...cycles(groups, byName)];
}

/** Reports each cycle once, at its first listed group. */
function cycles(groups: readonly ListedGroup[], byName: ReadonlyMap<string, ListedGroup>): Issue[] {
  const issues: Issue[] = [];
  const done = new Set<string>();
  const visit = (group: ListedGroup, above: readonly ListedGroup[]): void => {
    const start = above.indexOf(group);
    if (start >= 0) {
      const circle = [...above.slice(start), group].map(({ name }) => name).join(' → ');
      issues.push({
        path: [...group.path, 'groups'],
        place: group.place,
        message: `groups form a cycle: ${circle}`,
        hint: 'remove one of them',
      });
    }
    if (start >= 0 || done.has(group.name)) return;
    for (const name of group.entry.groups ?? []) {
      const next = byName.get(name);
      if (next) visit(next, [...above, group]);
    }
    done.add(group.name);
  };
  for (const group of groups) visit(group, []);
  return issues;
}
