/**
 * Finds a client's MAC address, UUID and serial number, which TFTP does not carry, and the source of each. Sources are asked in
 * the order of the config; for each fact the first answer counts, and its source is kept. So a machine whose MAC address is in a
 * lease can also be known by the serial number in a name that it requests.
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
   * Lease files of dnsmasq, ISC dhcpd, Kea (memfile), systemd-networkd, libvirt, odhcpd and udhcpd; the format is detected unless
   * given. A change takes effect at once. Source `leases`.
   */
  readonly leases?: readonly LeaseFileOption[] | undefined;
  /**
   * What the machine sent by DHCP: MAC address, UUID, serial number and firmware. It requires the section `dhcp` in the config,
   * so that the DHCP service sees the request. Source `dhcp`.
   */
  readonly dhcp?: boolean | undefined;
  /** The kernel's neighbour table (Linux), or a function that replaces it. Source `neighbours`. */
  readonly neighbours?: boolean | NeighbourReader | undefined;
  /**
   * A MAC address, UUID or serial number in the file name, as firmware and boot loaders put it there. Any client can claim it.
   * Source `filename`.
   */
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

/** zod reorders keys as in the schema, but here their order decides which source is asked first. */
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

/** Addresses and the neighbour table yield a MAC address only; names and DHCP also yield the other facts. */
function tells(source: string): IdentitySource['tells'] {
  return source === 'filename' || source === 'dhcp' ? factNames : ['mac'];
}

/**
 * Milliseconds that setup waits for the first reading of a lease file; a file that takes longer is read while the server runs.
 */
const FIRST_READING_MS = 2_000;

/** What a source knows about a client. */
type Known = Omit<Identity, 'source'>;

interface Source {
  /** {@link Identity.source} */
  readonly source: string;
  /** Distinguishes the source from others of its kind. */
  readonly label: string;
  /** Facts that it may know; it is not asked if all of them are known. */
  readonly tells: readonly FactName[];
  /** Whether it also knows the firmware. */
  readonly tellsFirmware?: true;
  /** Whether it answers from memory. */
  readonly ready: boolean;
  /** Resolves when the source can be asked, within a few seconds. */
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
  // Kept across reloads, so that the same problem is not logged again.
  const told = keep(`${path} ${format ?? ''}`, (): Told & Kept => ({}));
  const leases = new LeaseFile(path, format, log, told);
  return {
    source: 'leases',
    // Read now, so that the first client does not wait for it.
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

/** A claim has the age of its request. */
function claim(name: string): Known | undefined {
  const found = claimsInName(name);
  return found && { ...found, ageMs: 0 };
}
