/**
 * Finds out a client's MAC address, which TFTP does not carry, and says where it is known from. Sources are asked in the order in
 * which the config lists them. (DHCP leases will be one more source.)
 */
import { type Awaitable, definePlugin, type Hooks, type Identity, parseMac, type RequestInfo } from 'pxe';
import { z } from 'zod';
import { parseAddress } from './address.ts';
import { macInName } from './filename.ts';
import { type NeighbourReader, neighbourReader } from './neighbours.ts';

export interface IdentifyOptions {
  /** IP address → MAC address. Source `table`. */
  readonly table?: Readonly<Record<string, string>> | undefined;
  /** The kernel's neighbour table (Linux), or a function that stands for it. Source `neighbours`. */
  readonly neighbours?: boolean | NeighbourReader | undefined;
  /** A MAC address in the file name, as PXELINUX and GRUB put it there: whatever a client claims. Source `filename`. */
  readonly filename?: boolean | undefined;
}

const sources = z.strictObject({
  table: z
    .record(
      z.string().refine((key) => parseAddress(key) !== undefined, 'expected an IP address'),
      z.string().refine((mac) => parseMac(mac) !== undefined, 'expected a MAC address such as 52:54:00:12:34:56'),
    )
    .optional(),
  neighbours: z
    .union([z.boolean(), z.custom<NeighbourReader>((value) => typeof value === 'function', 'expected true, false or a function')])
    .optional(),
  filename: z.boolean().optional(),
});

/** zod brings keys into the schema's order; here the order says which source is asked first. */
const inWrittenOrder = z.custom<IdentifyOptions>().transform((written, context) => {
  const result = sources.safeParse(written, { reportInput: true });
  if (result.success) return Object.keys(written).map((key) => [key, result.data[key as keyof IdentifyOptions]] as const);
  for (const issue of result.error.issues) {
    if (issue.code !== 'unrecognized_keys') context.issues.push(issue as z.core.$ZodRawIssue);
    else
      for (const key of issue.keys)
        context.addIssue({ code: 'custom', path: [key], message: 'unknown key', params: { hint: `known here: ${known}` } });
  }
  return z.NEVER;
});

const known = Object.keys(sources.shape).join(', ');

export const identify = definePlugin({
  name: 'identify',
  options: inWrittenOrder,
  setup: (order): Hooks => {
    const asked = order.flatMap(([key, value]) => (value === undefined || value === false ? [] : [makeSource(key, value)]));
    return {
      async identify(request, call) {
        for (const { source, find } of asked) {
          const mac = await find(request, call);
          if (mac !== undefined) return { mac, source } satisfies Identity;
        }
        return undefined;
      },
    };
  },
});

interface Source {
  readonly source: string;
  find(request: RequestInfo, call: { readonly signal: AbortSignal }): Awaitable<string | undefined>;
}

function makeSource(source: string, value: unknown): Source {
  if (source === 'table') {
    const table = new Map(Object.entries(value as Record<string, string>).map(([ip, mac]) => [parseAddress(ip)!.text, mac]));
    return { source, find: ({ client }) => table.get(parseAddress(client.address)?.text ?? '') };
  }
  if (source === 'neighbours') {
    const read = typeof value === 'function' ? (value as NeighbourReader) : neighbourReader();
    return { source, find: ({ client }, { signal }) => read(client.address, signal) };
  }
  return { source, find: ({ name }) => macInName(name) };
}
