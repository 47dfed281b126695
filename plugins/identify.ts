/**
 * Finds out a client's MAC address, UUID and serial number, which TFTP does not carry, and says where each is known from. Sources are
 * asked in the order in which the config lists them; of each fact the first answer counts, and it keeps its provenance. So a machine
 * whose MAC address is in a lease is known by the serial number in the name that it asks for, too.
 */
import { resolve } from 'node:path';
import {
  type Awaitable,
  definePlugin,
  type FactName,
  type Finding,
  type Hooks,
  type Identity,
  type IdentitySource,
  type Kept,
  type PluginContext,
  type RequestInfo,
} from 'pxe';
import { checkInput, factNames, parseAddress, parseMac } from 'pxe/kit';
import { z } from 'zod';
import { claimsInName } from './filename.ts';
import { LeaseFile, type Told } from './leases/file.ts';
import { type FormatName, formats } from './leases/formats.ts';
import { Agreement } from './lib/agreement.ts';
import { patiently } from './lib/patience.ts';
import { type NeighbourReader, NeighbourTable } from './neighbours.ts';

/** A file in which a DHCP server keeps its leases. Relative to the config file. */
export type LeaseFileOption = string | { readonly file: string; readonly format?: FormatName | undefined };

export interface IdentifyOptions {
  /** IP address → MAC address. Source `table`. */
  readonly table?: Readonly<Record<string, string>> | undefined;
  /**
   * Lease files of dnsmasq, ISC dhcpd, Kea (memfile), systemd-networkd, libvirt, odhcpd and udhcpd; the format is detected where it is left out. A change
   * takes effect at once. Source `leases`.
   */
  readonly leases?: readonly LeaseFileOption[] | undefined;
  /**
   * What the machine said of itself by DHCP: MAC address, UUID, serial number, and its firmware. The `dhcp` service has to see it, as a
   * section `dhcp` in the config makes it. Source `dhcp`.
   */
  readonly dhcp?: boolean | undefined;
  /** The kernel's neighbour table (Linux), or a function that stands for it. Source `neighbours`. */
  readonly neighbours?: boolean | NeighbourReader | undefined;
  /** A MAC address, UUID or serial number in the file name, as firmware and boot loaders put it there: whatever a client claims. Source `filename`. */
  readonly filename?: boolean | undefined;
}

const leaseFile = z.union([
  z.string().min(1),
  z.strictObject({ file: z.string().min(1), format: z.enum(Object.keys(formats) as [FormatName, ...FormatName[]]).optional() }),
]);

const sources = z.strictObject({
  table: z
    .record(
      z.string().refine((key) => parseAddress(key) !== undefined, 'expected an IP address'),
      z.string().refine((mac) => parseMac(mac) !== undefined, 'expected a MAC address such as 52:54:00:12:34:56'),
    )
    .optional(),
  leases: z.array(leaseFile).optional(),
  dhcp: z.boolean().optional(),
  neighbours: z
    .union([z.boolean(), z.custom<NeighbourReader>((value) => typeof value === 'function', 'expected true, false or a function')])
    .optional(),
  filename: z.boolean().optional(),
});

/** zod brings keys into the schema's order; here the order says which source is asked first. */
const inWrittenOrder = z.custom<IdentifyOptions>().transform((written, context) => {
  const { value, issues } = checkInput(sources, written);
  if (value) return Object.keys(written).map((key) => [key, value[key as keyof IdentifyOptions]] as const);
  for (const { path, message, hint } of issues) context.addIssue({ code: 'custom', path: [...path], message, params: { hint } });
  return z.NEVER;
});

export const identify = definePlugin({
  name: 'identify',
  options: inWrittenOrder,
  setup: async (order, context): Promise<Hooks> => {
    const asked = order.flatMap(([key, value]) => makeSources(key, value, context));
    await Promise.all(asked.map((source) => source.prepare?.()));
    const agreement = new Agreement(context.log);
    return {
      async identify(request, call) {
        const missing = new Set(factNames.filter((fact) => request.client[fact] === undefined));
        const identities: Identity[] = [];
        for (const [index, source] of asked.entries()) {
          const asksFirmware = source.tellsFirmware === true && request.client.firmware === undefined;
          if (!asksFirmware && !source.tells.some((fact) => missing.has(fact))) continue;
          const found = await source.find(request, call);
          const news = factNames.filter((fact) => found?.[fact] !== undefined && missing.delete(fact));
          if (found === undefined || (news.length === 0 && !asksFirmware)) continue;
          identities.push({ ...found, source: source.source });
          if (!news.includes('mac')) continue;
          const witnesses = asked.slice(index + 1).map((other) => ({
            ready: other.ready,
            ask: async () => ({ source: other.label, mac: (await other.find(request, call))?.mac }),
          }));
          void agreement.check(request.client.address, { source: source.label, mac: found.mac }, witnesses);
        }
        return identities.length === 0 ? undefined : identities;
      },
      sources: () => order.flatMap(([key, value]) => (isOn(value) ? [{ source: key, tells: tells(key) }] : [])),
      check: async () => (await Promise.all(asked.map((source) => source.check?.() ?? []))).flat(),
    };
  },
});

function isOn(value: unknown): boolean {
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
}

/** Addresses and the neighbour table lead to a MAC address; names and DHCP hold the rest, too. */
function tells(source: string): IdentitySource['tells'] {
  return source === 'filename' || source === 'dhcp' ? factNames : ['mac'];
}

/** Milliseconds that a setup waits for the first reading of a lease file; a larger file is read on while machines are served. */
const FIRST_READING_MS = 2_000;

/** What a source knows of a client. */
type Known = Omit<Identity, 'source'>;

interface Source {
  /** {@link Identity.source} */
  readonly source: string;
  /** Names it among others of its kind. */
  readonly label: string;
  /** Facts that it may know; it is not asked where all of them are known. */
  readonly tells: readonly FactName[];
  /** Whether it knows the firmware, too. */
  readonly tellsFirmware?: true;
  /** Whether it answers from memory. */
  readonly ready: boolean;
  /** Resolves, within a few seconds, when the source can be asked. */
  prepare?(): Promise<void>;
  find(request: RequestInfo, call: { readonly signal: AbortSignal }): Awaitable<Known | undefined>;
  check?(): Awaitable<readonly Finding[]>;
}

function makeSources(source: string, value: unknown, context: PluginContext): readonly Source[] {
  if (value === undefined || value === false) return [];
  if (source === 'leases')
    return (value as readonly LeaseFileOption[]).map((option, index) => leaseSource(option, index, context));
  if (source === 'table') return [tableSource(value as Readonly<Record<string, string>>)];
  if (source === 'dhcp') return [dhcpSource(context)];
  if (source === 'neighbours')
    return [neighbourSource(typeof value === 'function' ? (value as NeighbourReader) : undefined, context)];
  return [{ source, label: source, tells: factNames, ready: true, find: ({ name }) => claim(name) }];
}

function tableSource(written: Readonly<Record<string, string>>): Source {
  const table = new Map(Object.entries(written).map(([ip, mac]) => [parseAddress(ip)!.text, parseMac(mac)!]));
  const find = ({ client }: RequestInfo): Known | undefined => {
    const mac = table.get(parseAddress(client.address)?.text ?? '');
    return mac === undefined ? undefined : { mac };
  };
  return { source: 'table', label: 'table', tells: ['mac'], ready: true, find };
}

function leaseSource(option: LeaseFileOption, index: number, { configDir, log, keep }: PluginContext): Source {
  const { file, format } = typeof option === 'string' ? { file: option } : option;
  const path = resolve(configDir, file);
  // A reload is no reason to tell the same again.
  const told = keep(`${path} ${format ?? ''}`, (): Told & Kept => ({}));
  const leases = new LeaseFile(path, format, log, told);
  return {
    source: 'leases',
    // So that the first client need not wait for it.
    prepare: () => leases.read(FIRST_READING_MS),
    label: `leases (${file})`,
    tells: ['mac'],
    ready: false,
    find: ({ client }) => leases.find(client.address),
    check: async () => {
      const problem = await leases.problem();
      const at = { path: ['leases', index], file: leases.path };
      if (problem) return [{ severity: problem.state === 'unreadable' ? 'error' : 'warning', message: problem.message, ...at }];
      const reading = leases.reading();
      return reading === undefined ? [] : [{ severity: 'note', message: `${reading} (leases)`, ...at }];
    },
  };
}

function dhcpSource({ sightings }: PluginContext): Source {
  const find = ({ client }: RequestInfo): Known | undefined => {
    const seen = sightings.byAddress(parseAddress(client.address)?.text ?? client.address);
    if (seen === undefined) return undefined;
    const { mac, uuid, serial, firmware, arch, ageMs } = seen;
    const known = Object.entries({ mac, uuid, serial, firmware, arch }).filter(([, value]) => value !== undefined);
    return { ...Object.fromEntries(known), ageMs };
  };
  return { source: 'dhcp', label: 'dhcp', tells: factNames, tellsFirmware: true, ready: true, find };
}

function neighbourSource(given: NeighbourReader | undefined, { log }: PluginContext): Source {
  const table =
    given === undefined
      ? new NeighbourTable((problem) => log.warn({ reason: problem }, 'neighbours cannot be looked up'))
      : undefined;
  const read = given ?? ((address, signal) => table?.find(address, signal));
  const ask = async (address: string, signal: AbortSignal): Promise<Known | undefined> => {
    const found = await read(address, signal);
    return typeof found === 'string' ? { mac: found } : found;
  };
  const asked = patiently('neighbours', log, ask);
  const find: Source['find'] = ({ client }, { signal }) => asked(client.address, signal);
  const check = async (): Promise<readonly Finding[]> =>
    ((await table?.problems()) ?? []).map((message) => ({ severity: 'warning', path: ['neighbours'], message }));
  return { source: 'neighbours', label: 'neighbours', tells: ['mac'], ready: false, find, check };
}

/** A claim is as old as the request that makes it. */
function claim(name: string): Known | undefined {
  const found = claimsInName(name);
  return found && { ...found, ageMs: 0 };
}
