/**
 * Which files a machine gets, by what is known of it. It maps names to names under the root and tells other plugins what the config
 * knows of the machine; it does not know how a MAC address was found out, and it opens nothing that the root would not.
 *
 * All entries that a machine matches are asked, the narrowest first (`hosts/registry.ts`), each followed by its groups: first its
 * `files`, then its `folder`. The first that has an answer ends the search; when none has, the root directory serves the name as
 * it is. Variables are merged in the same order.
 */
import { resolve } from 'node:path';
import { type Client, ConfigError, definePlugin, ErrorCode, type Hooks, type Machine, TftpError } from 'pxe';
import { parseAddress } from './address.ts';
import { findingsOf, whoIs } from './hosts/check.ts';
import { readDataFile } from './hosts/data-file.ts';
import type { Who } from './hosts/fill.ts';
import { groupIssues, type Inventory, listGroups, listHosts } from './hosts/inventory.ts';
import { Layer } from './hosts/layer.ts';
import { type HostsOptions, hostsSchema, isLong, type Written } from './hosts/options.ts';
import { type Entry, Registry } from './hosts/registry.ts';
import { factsBehind } from './hosts/rests-on.ts';
import { trustedFacts, trustIn } from './trust.ts';

export const hosts = definePlugin({
  name: 'hosts',
  options: hostsSchema((written) => (filesOf(written).length > 0 ? [] : groupIssues(inventoryOf(written)))),
  async setup(written, { configDir, watch }): Promise<Hooks> {
    const options: HostsOptions = isLong(written) ? written : { hosts: written };
    const files = filesOf(options).map((file) => resolve(configDir, file));
    for (const file of files) watch(file);
    const inventory = await withFiles(inventoryOf(written), files);
    const registry = new Registry(inventory);
    const { trust, unknown = 'serve' } = options;
    const counts = trustIn(trust);
    const strangers = typeof unknown === 'object' ? new Layer(unknown) : undefined;
    /** Who asks, as far as it counts. */
    const whoAsks = (client: Client): Who => {
      const { mac, uuid, serial } = trustedFacts(client, counts);
      return { mac, uuid, serial, address: parseAddress(client.address)?.text, host: client.host?.name };
    };
    const isUnknown = (client: Client, matched: readonly Entry[]) => matched.length === 0 && client.host === undefined;
    return {
      host({ client, name }) {
        const who = whoAsks(client);
        const matched = registry.match(who, name);
        const [narrowest] = matched;
        if (narrowest === undefined) return undefined;
        const restsOn = [...new Set(matched)]
          .map(({ listed }) => factsBehind(listed, who, name))
          .filter((facts) => facts.length > 0);
        return {
          name: narrowest.listed.name,
          groups: groupsOf(matched),
          variables: variablesOf(matched),
          ...(restsOn.length === 0 ? {} : { restsOn }),
        };
      },
      async open(request, { root }) {
        const who = whoAsks(request.client);
        const matched = registry.match(who, request.name);
        const closed = isUnknown(request.client, matched) && unknown !== 'serve';
        for (const layer of closed && strangers ? [strangers] : layersOf(matched)) {
          const target = layer.target(request.name, who);
          if (target !== undefined) return target;
          const folder = layer.folder(who);
          const content = folder === undefined ? undefined : await root.open(`${folder}/${request.name}`);
          if (content) return content;
        }
        if (!closed) return undefined;
        throw strangers ? new TftpError(ErrorCode.fileNotFound, 'file not found') : unknownMachine();
      },
      store({ client, name }) {
        if (unknown !== 'serve' && isUnknown(client, registry.match(whoAsks(client), name))) throw unknownMachine();
      },
      machines: () => registry.entries.flatMap((entry) => machinesOf(entry, registry)),
      check: (call) => findingsOf(options, inventory, call.root),
    };
  },
});

function unknownMachine(): TftpError {
  return new TftpError(ErrorCode.accessViolation, 'unknown machine');
}

function filesOf(written: Written): readonly string[] {
  const { file = [] } = isLong(written) ? written : {};
  return typeof file === 'string' ? [file] : file;
}

function inventoryOf(written: Written): Inventory {
  if (!isLong(written)) return { hosts: listHosts(written, []), groups: [] };
  return { hosts: listHosts(written.hosts ?? {}, ['hosts']), groups: listGroups(written.groups ?? {}, ['groups']) };
}

/** Mistakes that are told at once. */
const MAX_TOLD = 25;

/** The config's own come first. Throws a `ConfigError` with every mistake of every file. */
async function withFiles(inline: Inventory, files: readonly string[]): Promise<Inventory> {
  const read = await Promise.all(files.map(readDataFile));
  const all = [inline, ...read.map(({ inventory }) => inventory)];
  const inventory = { hosts: all.flatMap(({ hosts }) => hosts), groups: all.flatMap(({ groups }) => groups) };
  const issues = read.flatMap((one) => one.issues);
  // A file that could not be read may hold the group that is missing.
  if (issues.length === 0) issues.push(...groupIssues(inventory));
  if (issues.length > MAX_TOLD)
    issues.splice(MAX_TOLD, issues.length, { path: [], message: `and ${issues.length - MAX_TOLD} more` });
  if (issues.length > 0) throw new ConfigError(files.length === 1 ? files[0] : undefined, issues);
  return inventory;
}

/** Each once, where it stands first: a group counts for the narrowest of its hosts. */
function layersOf(matched: readonly Entry[]): readonly Layer[] {
  return matched.length === 1 ? matched[0]!.layers : [...new Set(matched.flatMap(({ layers }) => layers))];
}

function groupsOf(matched: readonly Entry[]): readonly string[] {
  return matched.length === 1 ? matched[0]!.groups : [...new Set(matched.flatMap(({ groups }) => groups))];
}

/** The first layer that has a variable decides. */
function variablesOf(matched: readonly Entry[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    layersOf(matched)
      .flatMap(({ variables }) => Object.entries(variables))
      .toReversed(),
  );
}

/** Entries that mean one machine each; the names that any of its entries gives. */
function machinesOf({ listed }: Entry, registry: Registry): Machine[] {
  const { mac, uuid, serial, address } = whoIs(listed);
  if ([mac, uuid, serial, address].every((known) => known === undefined)) return [];
  const known = Object.entries({ mac, uuid, serial, address }).filter(([, value]) => value !== undefined);
  const matched = registry.match({ mac, uuid, serial, address }, '');
  return [
    {
      name: listed.name,
      ...Object.fromEntries(known),
      names: [...new Set(layersOf(matched).flatMap((layer) => [...layer.names]))],
    },
  ];
}
