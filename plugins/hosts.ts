/**
 * Decides which files a machine gets, by the facts known about it. It maps requested names to names under the root and gives
 * other plugins the machine's entry in the config. It does not know how a MAC address was found, and it opens no file outside the
 * root.
 *
 * All entries that match a machine are searched, the most specific first (`hosts/registry.ts`), each followed by its groups. In
 * each, `files` come before `folder`. The first answer ends the search; without one, the root directory serves the name
 * unchanged. Variables are merged in the same order.
 */
import { resolve } from 'node:path';
import {
  type Call,
  type Client,
  definePlugin,
  type FactName,
  type Hooks,
  type Kept,
  type Machine,
  NOT_FOUND,
  Refusal,
} from 'pxe';
import { factNames, inSlices, parseAddress, Slices, sourceOf } from 'pxe/kit';
import { chooseBoot, circleNote } from './hosts/boot.ts';
import { findingsOf } from './hosts/check.ts';
import type { ClientFacts } from './hosts/fill.ts';
import { canBeKnown, exactIn } from './hosts/identity.ts';
import { groupIssues, type Inventory, listGroups, listHosts } from './hosts/inventory.ts';
import { Layer } from './hosts/layer.ts';
import { loadInventory } from './hosts/load.ts';
import { type HostsOptions, hostsSchema, isLong, type Written } from './hosts/options.ts';
import { type Entry, Registry } from './hosts/registry.ts';
import { factsBehind } from './hosts/rests-on.ts';
import { nameFold } from './lib/name.ts';
import { trustedFacts, trustIn } from './lib/trust.ts';

export const hosts = definePlugin({
  name: 'hosts',
  options: hostsSchema((written) => (filesOf(written).length > 0 ? [] : groupIssues(inventoryOf(written)))),
  async setup(written, { configDir, watch, caseInsensitive, keep, tolerate }): Promise<Hooks> {
    const options: HostsOptions = isLong(written) ? written : { hosts: written };
    const files = filesOf(options).map((file) => resolve(configDir, file));
    for (const file of files) watch(file);
    const slices = new Slices();
    const { inventory, warnings } = await loadInventory(inventoryOf(written), { files, options, slices, tolerate });
    const fold = nameFold(caseInsensitive);
    const registry = await Registry.inSlices(inventory, fold, slices);
    const { trust, unknown = 'serve' } = options;
    const counts = trustIn(trust);
    const strangers = typeof unknown === 'object' ? new Layer(unknown, fold) : undefined;
    /** Loaders withheld from iPXE; each is logged once, even across reloads. */
    const circles = keep('circles', (): Circles => ({ told: new Set() }));
    /** The client's facts from trusted sources. */
    const factsOf = (client: Client): ClientFacts => {
      const { mac, uuid, serial } = trustedFacts(client, counts);
      return { mac, uuid, serial, address: parseAddress(client.address)?.text, host: client.host?.name };
    };
    const isUnknown = (client: Client, matched: readonly Entry[]) => matched.length === 0 && client.host === undefined;
    const boot: Hooks['boot'] = ({ client, local }, { note, log }) => {
      const facts = factsOf(client);
      const matched = registry.match(facts, '');
      const closed = isUnknown(client, matched) && unknown !== 'serve';
      if (closed && strangers === undefined) throw UNKNOWN_MACHINE;
      const layers = closed && strangers ? [strangers] : layersOf(matched);
      const server = local.address === '0.0.0.0' || local.address === '' ? undefined : local.address;
      const { answer, circle } = chooseBoot(
        layers.map(({ boot }) => boot),
        client.firmware,
        { ...facts, server },
      );
      if (answer === false) note('boot is false for it: no offer');
      else if (answer !== undefined) return answer;
      else if (circle !== undefined) {
        note(circleNote(circle));
        if (!circles.told.has(circle)) log.warn({ mac: client.mac, host: client.host?.name }, circleNote(circle));
        circles.told.add(circle);
      }
      return undefined;
    };
    const saysBoot = [{ entry: unknown }, ...inventory.hosts, ...inventory.groups].some(
      ({ entry }) => typeof entry === 'object' && entry.boot !== undefined,
    );
    return {
      host({ client, name }, call) {
        const facts = factsOf(client);
        const matched = registry.match(facts, name);
        const [narrowest] = matched;
        if (narrowest === undefined) return undefined;
        noteDoubt(narrowest, client, trust, call);
        const restsOn = [...new Set(matched)]
          .map(({ selectors }) => factsBehind(selectors, facts, name))
          .filter((facts) => facts.length > 0);
        return {
          name: narrowest.listed.name,
          groups: groupsOf(matched),
          variables: variablesOf(matched),
          ...(restsOn.length === 0 ? {} : { restsOn }),
        };
      },
      async open(request, { root }) {
        const facts = factsOf(request.client);
        const matched = registry.match(facts, request.name);
        const closed = isUnknown(request.client, matched) && unknown !== 'serve';
        for (const layer of closed && strangers ? [strangers] : layersOf(matched)) {
          const target = layer.target(request.name, facts);
          if (target !== undefined) return target;
          const folder = layer.folder(facts);
          const content = folder === undefined ? undefined : await root.open(`${folder}/${request.name}`);
          if (content) return content;
        }
        if (!closed) return undefined;
        throw strangers ? NOT_FOUND : UNKNOWN_MACHINE;
      },
      ...((saysBoot || unknown === 'refuse') && { boot }),
      store({ client, name }) {
        if (unknown !== 'serve' && isUnknown(client, registry.match(factsOf(client), name))) throw UNKNOWN_MACHINE;
      },
      async machines() {
        const machines: Machine[] = [];
        await inSlices(registry.entries, (entry) => machines.push(...machinesOf(entry, registry)));
        return machines;
      },
      check: (call) => findingsOf({ options, entries: registry.entries, groups: inventory.groups, warnings, call, fold }),
    };
  },
});

/** For `pxe explain --mac`: a real client does not send its MAC address, and no trusted source of the config provides it. */
function noteDoubt({ selectors }: Entry, client: Client, trust: HostsOptions['trust'], { sources, note }: Call): void {
  if (!factNames.some((fact) => sourceOf(client, fact) === 'given')) return;
  const facts = factNames.filter(
    (fact) => client[fact] !== undefined && selectors.some(({ kind }) => kind === fact || (kind === 'pattern' && fact === 'mac')),
  );
  const byOther = selectors.some(({ kind }) => ['address', 'network', 'name', 'default'].includes(kind));
  const doubtful = (fact: FactName) => sourceOf(client, fact) === 'given' && !canBeKnown(fact, sources, trust);
  if (!byOther && facts.length > 0 && facts.every(doubtful)) note('which this config could not learn about a real client');
}

interface Circles extends Kept {
  readonly told: Set<string>;
}

const UNKNOWN_MACHINE = Object.freeze(new Refusal('forbidden', 'unknown machine'));

function filesOf(written: Written): readonly string[] {
  const { file = [] } = isLong(written) ? written : {};
  return typeof file === 'string' ? [file] : file;
}

function inventoryOf(written: Written): Inventory {
  if (!isLong(written)) return { hosts: listHosts(written, []), groups: [] };
  return { hosts: listHosts(written.hosts ?? {}, ['hosts']), groups: listGroups(written.groups ?? {}, ['groups']) };
}

/** Removes duplicates but the first: a group counts for the most specific of its hosts. */
function layersOf(matched: readonly Entry[]): readonly Layer[] {
  return matched.length === 1 ? matched[0]!.layers : [...new Set(matched.flatMap(({ layers }) => layers))];
}

function groupsOf(matched: readonly Entry[]): readonly string[] {
  return matched.length === 1 ? matched[0]!.groups : [...new Set(matched.flatMap(({ groups }) => groups))];
}

/** The first layer with a variable wins. */
function variablesOf(matched: readonly Entry[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    layersOf(matched)
      .flatMap(({ variables }) => Object.entries(variables))
      .toReversed(),
  );
}

/** The entries that select a single machine, once for each of its MAC addresses, with the names that any of its entries gives. */
function machinesOf({ listed, selectors }: Entry, registry: Registry): Machine[] {
  return exactIn(selectors).map((facts) => {
    const layers = [...new Set(registry.match(facts, '').flatMap((entry) => entry.makeLayers()))];
    return {
      name: listed.name,
      ...facts,
      names: [...new Set(layers.flatMap((layer) => layer.names))],
      fingerprint: JSON.stringify(layers.map((layer) => layer.given({ ...facts, host: listed.name }))),
    };
  });
}
