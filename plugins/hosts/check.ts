/**
 * What of a config's hosts will not work, or not as it seems: for `pxe check`. Opens the files that are named; changes nothing.
 */
import { type Finding, type Folder, formatPath, formatPlace, nearest } from 'pxe';
import { fillable, type Who } from './fill.ts';
import type { Inventory, ListedHost, Origin } from './inventory.ts';
import { Layer } from './layer.ts';
import type { GroupEntry, HostsOptions } from './options.ts';
import { selectorKey } from './selector.ts';

export async function findingsOf(
  { trust = [], unknown }: Pick<HostsOptions, 'trust' | 'unknown'>,
  { hosts, groups }: Inventory,
  root: Folder,
): Promise<readonly Finding[]> {
  const strangers: readonly Giving[] = typeof unknown === 'object' ? [{ entry: unknown, path: ['unknown'] }] : [];
  const giving: readonly Giving[] = [...hosts.map((host) => ({ ...host, who: whoIs(host) })), ...groups, ...strangers];
  const missing: Finding[] = [];
  for (const one of giving) missing.push(...(await missingFiles(one, root)));
  return [
    ...listedTwice(hosts),
    ...giving.flatMap(shadowed),
    ...unusedGroups({ hosts, groups }),
    ...trust.flatMap(misspelt),
    ...unreachable(unknown, hosts),
    ...missing,
  ];
}

interface Giving extends Origin {
  readonly entry: GroupEntry;
  /** What is certain to be known of whom it is given to. */
  readonly who?: Who;
}

function finding(
  severity: Finding['severity'],
  { path, place }: Origin,
  message: string,
  ...more: readonly PropertyKey[]
): Finding {
  return { severity, path: [...path, ...more], message, ...(place === undefined ? {} : { file: place.file, line: place.line }) };
}

/** In two spellings, or in two files. */
function listedTwice(hosts: readonly ListedHost[]): Finding[] {
  const first = new Map<string, ListedHost>();
  return hosts.flatMap((host) =>
    host.selectors.flatMap((selector) => {
      const key = selectorKey(selector);
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, host);
      if (earlier === undefined || earlier === host) return [];
      return [
        finding(
          'error',
          host,
          `is listed twice: ${whereIs(earlier)} comes first, and this gives only what that lacks; make one of both`,
        ),
      ];
    }),
  );
}

function whereIs({ path, place }: Origin): string {
  return place ? formatPlace(place) : formatPath(path);
}

function shadowed({ entry, ...origin }: Giving): Finding[] {
  return new Layer(entry).shadowed.map(({ key, by }) =>
    finding(
      'warning',
      origin,
      `can never match: ${JSON.stringify(by)} comes first and takes all of its names; put it before that, or take it out`,
      'files',
      key,
    ),
  );
}

function unusedGroups({ hosts, groups }: Inventory): Finding[] {
  const used = new Set([...hosts, ...groups].flatMap(({ entry }) => entry.groups ?? []));
  return groups
    .filter(({ name }) => !used.has(name))
    .map((group) => finding('warning', group, 'no host belongs to this group; name it in `groups` of one, or take it out'));
}

/** Plugins may have sources of their own; a name that is nearly a known one is a mistake. */
function misspelt(source: string, index: number): Finding[] {
  const [kind = ''] = source.split(':');
  const near = sources.includes(kind) ? undefined : nearest(kind, sources);
  return near === undefined
    ? []
    : [finding('warning', { path: ['trust', index] }, `no plugin here knows this source; did you mean ${JSON.stringify(near)}?`)];
}

const sources = ['table', 'neighbours', 'filename', 'leases'];

function unreachable(unknown: HostsOptions['unknown'], hosts: readonly ListedHost[]): Finding[] {
  const everybody = hosts.find(({ selectors }) => selectors.some(({ kind }) => kind === 'default'));
  if (unknown === undefined || everybody === undefined) return [];
  return [
    finding(
      'warning',
      { path: ['unknown'] },
      `nobody is unknown: ${whereIs(everybody)} matches every machine; take one of them out`,
    ),
  ];
}

/** A target with something filled in is looked for where that is certain. */
async function missingFiles({ entry, who = {}, ...origin }: Giving, root: Folder): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const [key, written] of Object.entries(entry.files ?? {})) {
    const target = fillable(written)(who);
    if (target === undefined || (await root.has(target))) continue;
    found.push(
      finding('error', origin, `there is no file ${JSON.stringify(target)} under the root that could be served`, 'files', key),
    );
  }
  return found;
}

/** What is known of a host for certain. */
export function whoIs({ name, selectors }: ListedHost): Who {
  const exact = selectors.flatMap((selector) => ('value' in selector ? [[selector.kind, selector.value] as const] : []));
  return { host: name, ...Object.fromEntries(exact) };
}
