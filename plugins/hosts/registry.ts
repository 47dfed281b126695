/**
 * Finds the entries of a config that match a machine, the most specific first: its MAC address, UUID, serial number, address; MAC
 * patterns by the number of given octets; networks by the length of their prefix; requested names, which say least about a
 * machine; `default`. Among equals, the first listed.
 *
 * Lookup does not visit entries that do not match: exact selectors are in one table, patterns and networks in one table for each
 * mask. Only name patterns are tried one by one.
 */
import { type IpAddress as Address, inSlices, numberOf, parseAddress, prefixOf, type Slices } from 'pxe/kit';
import { type Glob, hasWildcard, parseGlob } from '../lib/glob.ts';
import type { ClientFacts } from './fill.ts';
import type { Inventory, ListedHost } from './inventory.ts';
import { Layer } from './layer.ts';
import type { GroupEntry } from './options.ts';
import { parseSelector, type Selector } from './selector.ts';

/** A host with its layers. */
export class Entry {
  readonly listed: ListedHost;
  readonly selectors: readonly Selector[];
  /** All groups that it belongs to, the nearest first. */
  readonly groups: readonly string[];
  readonly #layerOf: LayerOf;
  #layers: readonly Layer[] | undefined;

  /** @param layerOf makes the layer of an entry, or finds that of a group */
  constructor(listed: ListedHost, groups: readonly string[], layerOf: LayerOf, fold: Fold) {
    this.listed = listed;
    this.selectors = listed.selectors.map((written) => folded(parseSelector(written)!, fold));
    this.groups = groups;
    this.#layerOf = layerOf;
  }

  /** Its own layer first, then its groups'. Made on first use: of ten thousand machines, few boot under one config. */
  get layers(): readonly Layer[] {
    this.#layers ??= this.makeLayers();
    return this.#layers;
  }

  /** The same, but not kept: a survey of all machines must not keep the layers of machines that never boot. */
  makeLayers(): readonly Layer[] {
    return [this.#layerOf(this.listed.entry), ...this.groups.map(this.#layerOf)];
  }
}

type LayerOf = (of: GroupEntry | string) => Layer;

/** Keys under one mask. */
interface Masked<Known> {
  /** Number of given bits or octets. */
  readonly width: number;
  keyOf(known: Known): string | bigint | undefined;
  readonly entries: Map<string | bigint, Entry[]>;
}

interface AddressNumber {
  readonly value: bigint;
  readonly family: Address['family'];
}

const none: readonly Entry[] = [];

/** Maps a name to the form in which names are compared: unchanged or in lower case. */
export type Fold = (name: string) => string;

const asItStands: Fold = (name) => name;

export class Registry {
  readonly #entries: Entry[] = [];
  readonly #exact = {
    mac: new Map<string, Entry[]>(),
    uuid: new Map<string, Entry[]>(),
    serial: new Map<string, Entry[]>(),
    address: new Map<string, Entry[]>(),
  };
  readonly #patterns = new Map<string, Masked<string>>();
  readonly #networks = new Map<string, Masked<AddressNumber>>();
  readonly #names = new Map<string, Entry[]>();
  readonly #globs: { readonly glob: Glob; readonly entry: Entry }[] = [];
  readonly #fallback: Entry[] = [];
  /** The most specific first. */
  #masked: { readonly patterns: readonly Masked<string>[]; readonly networks: readonly Masked<AddressNumber>[] } = {
    patterns: [],
    networks: [],
  };
  readonly #fold: Fold;

  /** @param inventory without {@link groupIssues} */
  constructor({ hosts, groups }: Inventory, fold: Fold = asItStands) {
    this.#fold = fold;
    const make = entryMaker(groups, fold);
    for (const listed of hosts) this.#add(make(listed));
    this.#rank();
  }

  /** The same, in slices. */
  static async inSlices({ hosts, groups }: Inventory, fold: Fold, slices: Slices): Promise<Registry> {
    const registry = new Registry({ hosts: [], groups }, fold);
    const make = entryMaker(groups, fold);
    await inSlices(hosts, (listed) => registry.#add(make(listed)), slices);
    registry.#rank();
    return registry;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** @param name the requested name */
  match(facts: ClientFacts, name: string): Entry[] {
    const { mac, uuid, serial } = facts;
    const address = facts.address === undefined ? undefined : parseAddress(facts.address);
    const matched: Entry[] = [];
    const add = (entries: readonly Entry[] = none): void => {
      for (const entry of entries) matched.push(entry);
    };
    if (mac !== undefined) add(this.#exact.mac.get(mac));
    if (uuid !== undefined) add(unlessAnother(mac, this.#exact.uuid.get(uuid)));
    if (serial !== undefined) add(unlessAnother(mac, this.#exact.serial.get(serial)));
    if (address) add(unlessAnother(mac, this.#exact.address.get(address.text)));
    if (mac !== undefined) for (const masked of this.#masked.patterns) add(find(masked, mac));
    if (address && this.#masked.networks.length > 0) {
      const number = { value: numberOf(address), family: address.family };
      for (const masked of this.#masked.networks) add(unlessAnother(mac, find(masked, number)));
    }
    add(this.#names.get(this.#fold(name)));
    for (const { glob, entry } of this.#globs) if (glob.match(name) !== undefined) matched.push(entry);
    add(this.#fallback);
    return matched;
  }

  #rank(): void {
    const widest = <Known>(masks: ReadonlyMap<string, Masked<Known>>) => [...masks.values()].sort((a, b) => b.width - a.width);
    this.#masked = { patterns: widest(this.#patterns), networks: widest(this.#networks) };
    this.#globs.sort((a, b) => b.glob.literals - a.glob.literals);
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    for (const selector of entry.selectors) {
      switch (selector.kind) {
        case 'mac':
        case 'uuid':
        case 'serial':
        case 'address':
          append(this.#exact[selector.kind], selector.value, entry);
          break;
        case 'pattern': {
          const { places, octets, key, keyOf } = selector.pattern;
          const masked = obtain(this.#patterns, places, () => ({
            width: octets,
            keyOf,
            entries: new Map(),
          }));
          append(masked.entries, key, entry);
          break;
        }
        case 'network': {
          const { family, bits, prefix } = selector.network;
          const masked = obtain(this.#networks, `${family}/${bits}`, () => ({
            width: bits,
            keyOf: (number) => (number.family === family ? prefixOf(number.value, family, bits) : undefined),
            entries: new Map(),
          }));
          append(masked.entries, prefix, entry);
          break;
        }
        case 'name':
          if (hasWildcard(selector.glob.pattern)) this.#globs.push({ glob: selector.glob, entry });
          else append(this.#names, this.#fold(selector.glob.pattern), entry);
          break;
        case 'default':
          this.#fallback.push(entry);
          break;
      }
    }
  }
}

function find<Known>({ keyOf, entries }: Masked<Known>, known: Known): readonly Entry[] {
  const key = keyOf(known);
  return (key === undefined ? undefined : entries.get(key)) ?? none;
}

/**
 * Addresses move between machines, and any client can claim a serial number. So an entry that also names MAC addresses does not
 * match a machine with a different one.
 */
function unlessAnother(mac: string | undefined, entries: readonly Entry[] = none): readonly Entry[] {
  if (mac === undefined) return entries;
  return entries.filter(({ selectors }) => {
    const own = selectors.flatMap((selector) => (selector.kind === 'mac' ? [selector.value] : []));
    return own.length === 0 || own.includes(mac);
  });
}

/** The same, with names compared by `fold`. */
function folded(selector: Selector, fold: Fold): Selector {
  return selector.kind === 'name' ? { kind: 'name', glob: parseGlob(selector.glob.pattern, fold) } : selector;
}

/** Each group has one layer, shared by its hosts. */
function entryMaker(groups: Inventory['groups'], fold: Fold): (listed: ListedHost) => Entry {
  const byName = new Map(groups.map((group) => [group.name, group]));
  const layers = new Map(groups.map(({ name, entry }) => [name, new Layer(entry, fold)]));
  const found = new Map<string, readonly string[]>();
  const withItsOwn = (name: string): readonly string[] =>
    obtain(found, name, () => [name, ...above(byName.get(name)?.entry.groups)]);
  const above = (names: readonly string[] = []): string[] => [...new Set(names.flatMap(withItsOwn))];
  const layerOf: LayerOf = (of) => (typeof of === 'string' ? layers.get(of)! : new Layer(of, fold));
  return (listed) => new Entry(listed, above(listed.entry.groups), layerOf, fold);
}

function append<Key>(map: Map<Key, Entry[]>, key: Key, entry: Entry): void {
  obtain(map, key, () => []).push(entry);
}

function obtain<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
