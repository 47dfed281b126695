/**
 * The keys of the section `tftp`, their ranges and their defaults. What they mean stands in `config.ts`.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { hostBitsProblem, parseNetwork } from '../base/address.ts';
import type { Section } from '../config/schema.ts';
import { count, milliseconds, text, whole } from '../config/values.ts';
import { DSCP, type DscpName } from './dscp.ts';

const MIB = 1024 ** 2;
const port = whole(0, 65535).default(69);

const listen = z.union([
  z.strictObject({ address: z.string().refine((address) => isIP(address) !== 0, 'expected an IPv4 or IPv6 address'), port }),
  z.strictObject({ interface: text, port }),
]);

const portRange = z
  .strictObject({ from: whole(1, 65535), to: whole(1, 65535) })
  .refine(({ from, to }) => from <= to, { message: 'must not be less than from', path: ['to'] });

const dscpNames = Object.keys(DSCP) as [DscpName, ...DscpName[]];
const dscp = z.union([whole(0, 63), z.enum(dscpNames).transform((name) => DSCP[name])]);

const network = z
  .string()
  .refine((text) => parseNetwork(text) !== undefined, 'expected a network such as 10.8.0.0/24 or 2001:db8::/32')
  .refine((text) => hostBitsProblem(text) === undefined, { error: ({ input }) => hostBitsProblem(String(input)) ?? '' });
// RFC 791: no network's packets are shorter.
const mtu = z.record(network, whole(68, 65535));

const limits = z
  .strictObject({
    transfers: count.default(4096),
    transfersPerClient: count.default(1024),
    unproven: count.default(2048),
    // A first reply of 512 bytes must fit, or no client without options is ever answered.
    unprovenBytes: whole(516, MIB).default(2048),
    unprovenFactor: whole(0, 100).default(4),
    waiting: whole(0, 1_000_000).default(1024),
    nameBytes: whole(1, 65000).default(512),
    options: whole(0, 1000).default(16),
    optionBytes: whole(16, 65000).default(128),
    blockSize: whole(8, 65464).default(65464),
    windowSize: whole(1, 65535).default(64),
    windowBytes: whole(512, 1024 * MIB).default(4 * MIB),
    retries: whole(0, 100).default(12),
    idleMs: milliseconds.default(30_000),
    minTimeoutMs: milliseconds.default(20),
    maxTimeoutMs: milliseconds.default(3000),
  })
  .refine(({ minTimeoutMs, maxTimeoutMs }) => minTimeoutMs <= maxTimeoutMs, {
    message: 'must not be less than minTimeoutMs',
    path: ['maxTimeoutMs'],
  });

const schema = z.strictObject({
  listen: z
    .array(listen)
    .min(1)
    .default([
      { address: '0.0.0.0', port: 69 },
      { address: '::', port: 69 },
    ]),
  singlePort: z.boolean().default(false),
  transport: z.enum(['auto', 'native', 'portable']).default('auto'),
  transferPorts: portRange.optional(),
  dscp: dscp.optional(),
  mtu: mtu.default({}),
  rollover: z.union([z.literal(0), z.literal(1)]).default(0),
  limits: limits.prefault({}),
});

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
