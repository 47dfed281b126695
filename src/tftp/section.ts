/**
 * The keys of the section `tftp`: their ranges, their defaults, and what they mean. The comments of `config.ts`, the reference in `docs/` and
 * the JSON Schema are generated from here by `npm run docs`.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import type { Section } from '../config/schema.ts';
import { count, milliseconds, network, text, whole } from '../config/values.ts';
import { DSCP, type DscpName } from './dscp.ts';

const MIB = 1024 ** 2;
const port = whole(0, 65535).default(69).describe('0 lets the operating system choose.');

const listen = z.union([
  z.strictObject({
    address: z
      .string()
      .refine((address) => isIP(address) !== 0, 'expected an IPv4 or IPv6 address')
      .describe('IPv4 or IPv6; `0.0.0.0` and `::` stand for all addresses.'),
    port,
  }),
  z.strictObject({ interface: text.describe('Name of an interface, such as `eth0`.'), port }),
]);

const portRange = z
  .strictObject({ from: whole(1, 65535).describe('First port.'), to: whole(1, 65535).describe('Last port, inclusive.') })
  .refine(({ from, to }) => from <= to, { message: 'must not be less than `from`', path: ['to'] });

const dscpNames = Object.keys(DSCP) as [DscpName, ...DscpName[]];
const dscp = z.union([whole(0, 63), z.enum(dscpNames).transform((name) => DSCP[name])]);

// RFC 791: no network's packets are shorter.
const mtu = z.record(network, whole(68, 65535));

const limits = z
  .strictObject({
    transfers: count.default(4096).describe('Concurrent transfers, including dropped requests that are still being processed.'),
    transfersPerClient: count
      .default(1024)
      .describe(
        'Concurrent transfers of one client address. Beyond that, its oldest transfer that the client has never answered is dropped.',
      ),
    unproven: count
      .default(2048)
      .describe(
        'Concurrent transfers whose client has never answered, and whose address may be forged. Beyond that, the oldest of them is dropped.',
      ),
    // A first reply of 512 bytes must fit, or no client without options is ever answered.
    unprovenBytes: whole(516, MIB)
      .default(2048)
      .describe('Bytes that may be sent to an address that has never answered, before that address sends more.'),
    unprovenFactor: whole(0, 100)
      .default(4)
      .describe('Additional bytes that may be sent to such an address for each byte that it sends.'),
    waiting: whole(0, 1_000_000)
      .default(1024)
      .describe(
        'Requests that wait because their answer would exceed what such an address may be sent; they continue when the address has answered another transfer.',
      ),
    nameBytes: whole(1, 65000).default(512).describe('Longest file name, in bytes.'),
    options: whole(0, 1000).default(16).describe('How many options of a request are read; the rest are ignored.'),
    optionBytes: whole(16, 65000).default(128).describe('Longest name, and longest value, of an option, in bytes.'),
    blockSize: whole(8, 65464).default(65464).describe('Largest `blksize` granted, in bytes (RFC 2348).'),
    windowSize: whole(1, 65535).default(64).describe('Largest `windowsize` granted, in blocks (RFC 7440).'),
    windowBytes: whole(512, 1024 * MIB)
      .default(4 * MIB)
      .describe('Largest window granted, in bytes: window × block.'),
    retries: whole(0, 100)
      .default(12)
      .describe('How many times a packet is sent again without progress before the transfer fails.'),
    idleMs: milliseconds.default(30_000).describe('A transfer fails after this time without progress.'),
    minTimeoutMs: milliseconds
      .default(20)
      .describe('Shortest time before a packet is sent again. The time itself follows the measured round-trip time.'),
    maxTimeoutMs: milliseconds
      .default(3000)
      .describe('Longest time before a packet is sent again. A `timeout` that the client asks for replaces it.'),
  })
  .refine(({ minTimeoutMs, maxTimeoutMs }) => minTimeoutMs <= maxTimeoutMs, {
    message: 'must not be less than `minTimeoutMs`',
    path: ['maxTimeoutMs'],
  });

const schema = z
  .strictObject({
    listen: z
      .array(listen)
      .min(1)
      .default([
        { address: '0.0.0.0', port: 69 },
        { address: '::', port: 69 },
      ])
      .meta({
        description: 'Where requests are accepted, by address or by interface.',
        more: '`{ address, port }` or `{ interface, port }`: see [listening](#listening).',
      }),
    singlePort: z
      .boolean()
      .default(false)
      .describe('Answer from the listening port itself: for NAT, containers and load balancers.'),
    transport: z.enum(['auto', 'native', 'portable']).default('auto').meta({
      description:
        "How datagrams move: `native` (Linux on x86-64: batched system calls in a separate thread), `portable` (Node's own sockets), or `auto`: `native` where it works, otherwise `portable`.",
      more: 'This is tested at startup; the log says if it does not work.',
    }),
    transferPorts: portRange.optional().meta({
      description: 'Ports for transfers, for a firewall: `{ from, to }`. If left out, the operating system chooses.',
      leftOut: 'any',
    }),
    dscp: dscp.optional().meta({
      description:
        'Mark packets for networks that prioritize (RFC 2474): 0–63, or a name such as `cs4`, `af21`, `ef`. Native transport only. If left out, packets are not marked.',
      leftOut: 'none',
    }),
    mtu: mtu
      .default({})
      .describe(
        "Longest packet, in bytes, that reaches the clients of a network: `{ '10.8.0.0/24': 1400 }`. The most specific network applies. These clients are granted a `blksize` that fits; no other client is affected.",
      ),
    rollover: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .describe(
        'Block number that follows 65535, unless the client asks for another with the `rollover` option. Nearly all clients expect 0.',
      ),
    limits: limits.prefault({}).describe('What one client, and all clients together, may use.'),
  })
  .describe('How TFTP is served.');

declare module '../config/resolve.ts' {
  interface ResolvedSections {
    readonly tftp: z.output<typeof schema>;
  }
}

/** These were on top once, and so were the keys of `limits`, in `limits`. */
const MOVED = ['listen', 'singlePort', 'transport', 'transferPorts', 'dscp', 'mtu', 'rollover'];
const MOVED_LIMITS = [
  ...['transfers', 'transfersPerClient', 'unproven', 'unprovenBytes', 'unprovenFactor', 'waiting'],
  ...['nameBytes', 'options', 'optionBytes', 'blockSize', 'windowSize', 'windowBytes'],
  ...['retries', 'idleMs', 'minTimeoutMs', 'maxTimeoutMs'],
];

export const tftpSection = {
  schema,
  moved: Object.fromEntries([...MOVED, ...MOVED_LIMITS.map((key) => `limits.${key}`)].map((key) => [key, `tftp.${key}`])),
} satisfies Section;
