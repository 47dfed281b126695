/**
 * What plugins list without a request: the machines of a config, and findings.
 */
import { inSlices, Slices } from '../base/time-slices.ts';
import type { Listed } from './combine.ts';
import { givenIdentity, withIdentity } from './facts.ts';
import type { StartedPlugin } from './setup.ts';
import type { Client, Finding, ListedRequest, Machine } from './types.ts';

/** All listed items. Throws the `PluginError` of the first plugin that fails. */
export async function all<Item>(listing: AsyncIterable<Listed<Item>>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const { items, error } of listing) {
    if (error !== undefined) throw error;
    for (const item of items) all.push(item);
  }
  return all;
}

/** The machines, each with the names that apply to all machines added. */
export async function withNames(machines: readonly Machine[], names: readonly string[]): Promise<readonly Machine[]> {
  const named: Machine[] = [];
  await inSlices(machines, (machine) => named.push({ ...machine, names: [...new Set([...machine.names, ...names])] }));
  return named;
}

/** Findings with paths from `plugins[0]` on. The failure of a plugin is itself a finding. */
export async function placed(
  listing: AsyncIterable<Listed<Finding>>,
  plugins: readonly StartedPlugin[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for await (const { plugin, items, error } of listing) {
    const path = ['plugins', plugins.indexOf(plugin)];
    for (const finding of items ?? []) findings.push({ ...finding, path: [...path, 'options', ...finding.path] });
    if (error === undefined) continue;
    const { problem, place } = error;
    findings.push({ severity: 'error', path, message: problem, ...(place && { file: place.file, line: place.line }) });
  }
  return findings;
}

/** Each machine as the client of a request. @param host adds the client's entry in the config */
export async function clientsOf(
  machines: readonly Machine[],
  host: (request: ListedRequest) => Promise<ListedRequest>,
): Promise<readonly Client[]> {
  const clients: Client[] = [];
  const slices = new Slices();
  for (const machine of machines) {
    clients.push((await host(requestOf(machine))).client);
    if (slices.over) await slices.rest();
  }
  return clients;
}

/** A request of a listed machine, without a name. */
function requestOf(machine: Machine): ListedRequest {
  const { address = '0.0.0.0' } = machine;
  const client: Client = { address, port: 0 };
  const given = givenIdentity(machine);
  return {
    protocol: 'none',
    kind: 'read',
    client: given === undefined ? client : withIdentity(client, given),
    local: { address: '0.0.0.0', port: 0 },
    asked: '',
    name: '',
  };
}
