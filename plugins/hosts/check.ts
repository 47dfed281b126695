/**
 * For `pxe check`: finds hosts of a config that will not work, or not as they seem to. It opens the named files and changes
 * nothing.
 */
import type { CheckCall, FactName, Finding, Issue } from 'pxe';
import { factNames, formatPath, formatPlace, inSlices, nearest, Slices } from 'pxe/kit';
import { absences } from './absent.ts';
import { type Assignment, finding } from './finding.ts';
import { canBeKnown, exactIn } from './identity.ts';
import type { Inventory, ListedHost, Origin } from './inventory.ts';
import { Layer } from './layer.ts';
import type { HostsOptions } from './options.ts';
import type { Entry, Fold } from './registry.ts';
import { selectorKey } from './selector.ts';

export interface Checking {
  readonly options: HostsOptions;
  readonly entries: readonly Entry[];
  readonly groups: Inventory['groups'];
  /** Findings of the data files. */
  readonly warnings: readonly Issue[];
  readonly call: CheckCall;
  readonly fold: Fold;
}

/** Time for looking up files. It leaves time for the other findings: a plugin has `setupMs`, by default 10 s, for all of them. */
const LOOKING_MS = 8000;

export async function findingsOf({ options, entries, groups, warnings, call, fold }: Checking): Promise<readonly Finding[]> {
  const until = performance.now() + LOOKING_MS;
  const { trust = [], unknown } = options;
  const strangers: readonly Assignment[] = typeof unknown === 'object' ? [{ entry: unknown, path: ['unknown'] }] : [];
  const common: readonly Assignment[] = [...groups, ...strangers];
  const slices = new Slices();
  const found: Finding[] = warnings.map(({ path, place, message, hint }) =>
    finding('warning', { path, place }, hint === undefined ? message : `${message}; ${hint}`),
  );
  const repeated = new Repeated();
  const never = new NeverKnown(options.trust, call);
  const assignments: Assignment[] = [];
  await inSlices(
    entries,
    (entry) => {
      const { listed, selectors } = entry;
      found.push(...repeated.next(entry));
      never.next(entry);
      const one = { ...listed, facts: { host: listed.name, ...exactIn(selectors)[0] } };
      found.push(...shadowed(one, fold));
      if (listed.entry.files ?? listed.entry.folder) assignments.push(one);
    },
    slices,
  );
  return [
    ...found,
    ...common.flatMap((one) => shadowed(one, fold)),
    ...never.findings(),
    ...unusedGroups(entries, groups),
    ...trust.flatMap(misspelt),
    ...unreachable(unknown, entries),
    ...(await absences([...assignments, ...common], call, { slices, until })),
  ];
}

/** Finds machines that are listed twice (in two spellings, lines or files), and names shared by two machines. */
class Repeated {
  readonly #bySelector = new Map<string, ListedHost>();
  readonly #byName = new Map<string, ListedHost>();

  next({ listed, selectors }: Entry): readonly Finding[] {
    let earlier: ListedHost | undefined;
    let twice = '';
    for (const [index, selector] of selectors.entries()) {
      const key = selectorKey(selector);
      const known = this.#bySelector.get(key);
      if (known === undefined) this.#bySelector.set(key, listed);
      else if (known !== listed && earlier === undefined) [earlier, twice] = [known, listed.selectors[index]!];
    }
    if (earlier === undefined) return this.#named(listed, selectors);
    const what = selectors.length > 1 ? `${twice} ` : '';
    const message = `${what}is listed twice: ${whereIs(earlier)} comes first, and this entry adds only what is missing there; merge the two`;
    return [finding('error', listed, message)];
  }

  /** Several networks or patterns may share a name: they can be machines of one kind. */
  #named(listed: ListedHost, selectors: Entry['selectors']): readonly Finding[] {
    const { name } = listed.entry;
    if (name === undefined || exactIn(selectors).length === 0) return [];
    const earlier = this.#byName.get(name);
    if (earlier === undefined) this.#byName.set(name, listed);
    if (earlier === undefined) return [];
    const remedy = 'rename one or, if both are the same machine, merge them';
    const message = `has the same name as ${whereIs(earlier)}, ${JSON.stringify(name)}: the log cannot tell them apart; ${remedy}`;
    return [finding('warning', listed, message)];
  }
}

/** The names of selector kinds, for messages. */
const nouns = { mac: 'MAC address', uuid: 'UUID', serial: 'serial number' } as const;

/** Finds entries that match by a fact that no trusted source of the config provides: one finding for each kind of fact. */
class NeverKnown {
  readonly #trust: HostsOptions['trust'];
  readonly #sources: CheckCall['sources'];
  readonly #hidden: ReadonlySet<string>;
  readonly #never = new Map<
    string,
    { readonly fact: FactName; readonly boots: boolean; readonly first: ListedHost; more: number }
  >();

  constructor(trust: HostsOptions['trust'], { sources }: CheckCall) {
    this.#trust = trust;
    this.#sources = sources;
    this.#hidden = new Set(factNames.filter((fact) => !canBeKnown(fact, sources, trust)));
  }

  next({ listed, selectors }: Entry): void {
    const kinds = selectors.map(({ kind }) => (kind === 'pattern' ? 'mac' : kind));
    if (!kinds.every((kind) => this.#hidden.has(kind))) return;
    const { boot, files, folder, groups } = listed.entry;
    // A DHCP request identifies its machine, and this entry has nothing but a boot target.
    if (boot !== undefined && (files ?? folder ?? groups) === undefined) return;
    const boots = boot !== undefined;
    for (const fact of new Set(kinds as readonly FactName[])) {
      const key = `${fact} ${boots}`;
      const known = this.#never.get(key);
      if (known) known.more++;
      else this.#never.set(key, { fact, boots, first: listed, more: 0 });
    }
  }

  findings(): readonly Finding[] {
    return [...this.#never.values()].map(({ fact, boots, first, more }) => {
      const others = more === 0 ? '' : `, nor can ${more} more like it`;
      const never = boots ? 'can never match a machine that asks for a file' : 'can never match';
      const message = `${never}${others}: nothing here provides a client's ${nouns[fact]}; ${this.#remedy(fact, boots)}`;
      return finding('warning', first, message);
    });
  }

  #remedy(fact: FactName, boots: boolean): string {
    const known = this.#sources.filter(({ tells }) => tells.includes(fact)).map(({ source }) => source);
    if (this.#trust !== undefined && known.length > 0)
      return `\`trust\` excludes the sources that provide it: ${known.join(', ')}`;
    if (boots) return 'add a source to identify(), before hosts: identify({ dhcp: true })';
    if (fact === 'mac') return 'add a source to identify(), before hosts: identify({ neighbours: true })';
    return 'use the identify() source that provides it, `filename`';
  }
}

function whereIs({ path, place }: Origin): string {
  return place ? formatPlace(place) : formatPath(path);
}

function shadowed({ entry, ...origin }: Assignment, fold: Fold): Finding[] {
  // A single pattern cannot shadow another.
  if (Object.keys(entry.files ?? {}).length < 2) return [];
  return new Layer(entry, fold).shadowed.map(({ key, by }) =>
    finding(
      'warning',
      origin,
      `can never match: ${JSON.stringify(by)} comes first and matches all the same names; put this one before it, or remove it`,
      'files',
      key,
    ),
  );
}

function unusedGroups(entries: readonly Entry[], groups: Inventory['groups']): Finding[] {
  if (groups.length === 0) return [];
  const used = new Set(groups.flatMap(({ entry }) => entry.groups ?? []));
  for (const { listed } of entries) for (const name of listed.entry.groups ?? []) used.add(name);
  return groups
    .filter(({ name }) => !used.has(name))
    .map((group) => finding('warning', group, 'no host belongs to this group; add it to the `groups` of a host, or remove it'));
}

/** Plugins may add sources, so an unknown name is an error only if it resembles a known one. */
function misspelt(source: string, index: number): Finding[] {
  const [kind = ''] = source.split(':');
  const near = sources.includes(kind) ? undefined : nearest(kind, sources);
  return near === undefined
    ? []
    : [finding('warning', { path: ['trust', index] }, `no plugin here knows this source; did you mean ${JSON.stringify(near)}?`)];
}

const sources = ['table', 'neighbours', 'filename', 'leases', 'dhcp'];

function unreachable(unknown: HostsOptions['unknown'], entries: readonly Entry[]): Finding[] {
  const everybody = entries.find(({ selectors }) => selectors.some(({ kind }) => kind === 'default'))?.listed;
  if (unknown === undefined || everybody === undefined) return [];
  return [
    finding(
      'warning',
      { path: ['unknown'] },
      `has no effect: ${whereIs(everybody)} matches every machine, so none is unknown; remove one of the two`,
    ),
  ];
}
