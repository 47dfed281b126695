/**
 * The keys of a config, their ranges and their defaults. What they mean stands in `config.ts`.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { hostBitsProblem, parseNetwork } from '../base/address.ts';
import { DEFAULT_CACHE_BYTES } from '../content/cache.ts';
import { DSCP, type DscpName } from './dscp.ts';

const MIB = 1024 ** 2;
const LONGEST_MS = 24 * 60 * 60 * 1000;

/** A whole number within a range that includes its ends. */
const whole = (least: number, most: number) => z.int().min(least).max(most);
const count = whole(1, 1_000_000);
const milliseconds = whole(1, LONGEST_MS);
const port = whole(0, 65535).default(69);
const text = z.string().min(1);

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

const uploads = z.strictObject({
  dir: text,
  maxBytes: whole(0, Number.MAX_SAFE_INTEGER).default(64 * MIB),
  keepFreeBytes: whole(0, Number.MAX_SAFE_INTEGER).optional(),
  overwrite: z.boolean().default(false),
});

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
    hookMs: milliseconds.default(5000),
    diskMs: milliseconds.default(4000),
    setupMs: milliseconds.default(10_000),
    stopMs: whole(0, LONGEST_MS).default(10_000),
  })
  .refine(({ minTimeoutMs, maxTimeoutMs }) => minTimeoutMs <= maxTimeoutMs, {
    message: 'must not be less than minTimeoutMs',
    path: ['maxTimeoutMs'],
  });

/** Everything but `plugins`, whose options are checked by their own schemas. */
export const configSchema = z.strictObject({
  rootDir: text.default('./tftpboot'),
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
  followLinks: z.boolean().default(false),
  caseInsensitive: z.boolean().default(false),
  stableMs: whole(0, 60_000).default(100),
  stableWaitMs: whole(0, 60_000).default(2000),
  cacheBytes: whole(0, Number.MAX_SAFE_INTEGER).default(DEFAULT_CACHE_BYTES),
  user: z
    .string()
    .regex(/^[^:\s]+(:[^:\s]+)?$/, 'expected a user, or user:group')
    .optional(),
  uploads: uploads.optional(),
  limits: limits.prefault({}),
  rollover: z.union([z.literal(0), z.literal(1)]).default(0),
  log: z
    .strictObject({
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
      time: z.enum(['epoch', 'iso']).default('epoch'),
      levels: z.enum(['number', 'name']).default('number'),
    })
    .prefault({}),
  plugins: z.array(z.unknown()).default([]),
});
