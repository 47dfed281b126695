/**
 * What of a config's hosts will not work, or not as it seems: for `pxe check`. Opens the files that are named; changes nothing.
 */
import { type CheckCall, type Finding, formatPath, formatPlace, type Issue, nearest, Slices } from 'pxe';
import { absences } from './absent.ts';
import type { Who } from './fill.ts';
import { finding, type Giving } from './finding.ts';
import { canBeKnown, exactIn } from './identity.ts';
import type { Inventory, ListedHost, Origin } from './inventory.ts';
import { Layer } from './layer.ts';
import type { HostsOptions } from './options.ts';
import type { Fold } from './registry.ts';
import { parseSelector, selectorKey } from './selector.ts';

export interface Checking {
  readonly options: HostsOptions;
  readonly inventory: Inventory;
  /** Of the data files. */
  readonly warnings: readonly Issue[];
  readonly call: CheckCall;
  readonly fold: Fold;
}

export async function findingsOf({ options, inventory, warnings, call, fold }: Checking): Promise<readonly Finding[]> {
  const { trust = [], unknown } = options;
  const { hosts, groups } = inventory;
  const strangers: readonly Giving[] = typeof unknown === 'object' ? [{ entry: unknown, path: ['unknown'] }] : [];
  const giving: readonly Giving[] = [...hosts.map((host) => ({ ...host, who: whoIs(host) })), ...groups, ...strangers];
  const slices = new Slices();
  const found: Finding[] = warnings.map(({ path, place, message, hint }) =>
    finding('warning', { path, place }, hint === undefined ? message : `${message}; ${hint}`),
  );
  found.push(...(await listedTwice(hosts, slices)));
  for (const one of giving) {
    found.push(...shadowed(one, fold));
    if (slices.over) await slices.rest();
  }
  return [
    ...found,
    ...namedTwice(hosts),
    ...neverKnown(hosts, options.trust, call),
    ...unusedGroups({ hosts, groups }),
    ...trust.flatMap(misspelt),
    ...unreachable(unknown, hosts),
    ...(await absences(giving, call.root)),
  ];
}

/** In two spellings, in two lines, or in two files. */
async function listedTwice(hosts: readonly ListedHost[], slices: Slices): Promise<readonly Finding[]> {
  const first = new Map<string, ListedHost>();
  const found: Finding[] = [];
  for (const host of hosts) {
    if (slices.over) await slices.rest();
    const twice = host.selectors.find((written) => {
      const key = selectorKey(parseSelector(written)!);
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, host);
      return earlier !== undefined && earlier !== host;
    });
    if (twice === undefined) continue;
    const earlier = first.get(selectorKey(parseSelector(twice)!))!;
    const what = host.selectors.length > 1 ? `${twice} ` : '';
    found.push(
      finding(
        'error',
        host,
        `${what}is listed twice: ${whereIs(earlier)} comes first, and this gives only what that lacks; make one of both`,
      ),
    );
  }
  return found;
}

/** Two machines, that is: several networks or patterns may well be of one kind. */
function namedTwice(hosts: readonly ListedHost[]): Finding[] {
  const first = new Map<string, ListedHost>();
  return hosts.flatMap((host) => {
    const { name } = host.entry;
    if (name === undefined || exactIn(host.selectors.map((written) => parseSelector(written)!)).length === 0) return [];
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, host);
    if (earlier === undefined || sharesOne(earlier, host)) return [];
    const remedy = 'rename one, or make one entry of a machine that has both';
    const message = `is called ${JSON.stringify(name)}, as ${whereIs(earlier)} is: the log cannot tell them apart; ${remedy}`;
    return [finding('warning', host, message)];
  });
}

/** Then it is one machine, listed twice. */
function sharesOne(one: ListedHost, other: ListedHost): boolean {
  const keys = new Set(one.selectors.map((written) => selectorKey(parseSelector(written)!)));
  return other.selectors.some((written) => keys.has(selectorKey(parseSelector(written)!)));
}

/** By what an entry may match alone, for messages. */
const nouns = { mac: 'MAC address', uuid: 'UUID', serial: 'serial number' } as const;

/** Entries that match by what no source of the config finds out, or none that is trusted: one finding for each kind. */
function neverKnown(hosts: readonly ListedHost[], trust: HostsOptions['trust'], { sources }: CheckCall): Finding[] {
  return (Object.keys(nouns) as (keyof typeof nouns)[]).flatMap((kind) => {
    if (canBeKnown(kind, sources, trust)) return [];
    const never = hosts.filter(({ selectors }) => {
      const kinds = selectors.map((written) => kindOf(written));
      return kinds.includes(kind) && kinds.every((one) => one in nouns && !canBeKnown(one as typeof kind, sources, trust));
    });
    const [first] = never;
    if (first === undefined) return [];
    const more = never.length === 1 ? '' : `, nor can ${never.length - 1} more like it`;
    const known = sources.filter(({ tells }) => tells.includes(kind)).map(({ source }) => source);
    const remedy =
      known.length > 0
        ? `\`trust\` leaves out what tells it: ${known.join(', ')}`
        : kind === 'mac'
          ? 'add a source to identify(), before hosts: identify({ neighbours: true })'
          : 'of the sources of identify() it is `filename` that tells it';
    return [finding('warning', first, `can never match${more}: nothing here finds out a client's ${nouns[kind]}; ${remedy}`)];
  });
}

function kindOf(written: string): string {
  const { kind } = parseSelector(written)!;
  return kind === 'pattern' ? 'mac' : kind;
}

function whereIs({ path, place }: Origin): string {
  return place ? formatPlace(place) : formatPath(path);
}

function shadowed({ entry, ...origin }: Giving, fold: Fold): Finding[] {
  if (entry.files === undefined) return [];
  return new Layer(entry, fold).shadowed.map(({ key, by }) =>
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
  const everybody = hosts.find(({ selectors }) => selectors.includes('default'));
  if (unknown === undefined || everybody === undefined) return [];
  return [
    finding(
      'warning',
      { path: ['unknown'] },
      `no machine is unknown: ${whereIs(everybody)} matches every one; take one of the two out`,
    ),
  ];
}

/** What is known of a host for certain. */
function whoIs({ name, selectors }: ListedHost): Who {
  return { host: name, ...exactIn(selectors.map((written) => parseSelector(written)!))[0] };
}
