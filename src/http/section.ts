/**
 * The keys of the section `http`: their ranges, their defaults, and what they mean. The comments of `config.ts`, the reference in `docs/` and
 * the JSON Schema are generated from here by `npm run docs`.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import type { Section } from '../config/schema.ts';
import { count, milliseconds, text, whole } from '../config/values.ts';

const addresses = (standard: number) =>
  z
    .array(
      z.strictObject({
        address: z
          .string()
          .refine((address) => isIP(address) !== 0, 'expected an IPv4 or IPv6 address')
          .describe('IPv4 or IPv6; `0.0.0.0` and `::` stand for all addresses.'),
        port: whole(0, 65535).default(standard).describe('0 lets the operating system choose.'),
      }),
    )
    .min(1)
    .default([
      { address: '0.0.0.0', port: standard },
      { address: '::', port: standard },
    ]);

const tls = z.strictObject({
  cert: text.describe(
    'File with the certificate and the intermediate certificates that it needs, in PEM. Relative to the config file.',
  ),
  key: text.describe('File with its private key, in PEM. Relative to the config file.'),
  listen: addresses(443).describe('Where HTTPS is accepted: `{ address, port }`.'),
});

const limits = z.strictObject({
  connections: count.default(2048).describe('Open connections. Further ones are closed at once.'),
  connectionsPerClient: count.default(64).describe('Open connections of one client address.'),
  pipelined: whole(0, 1000)
    .default(32)
    .describe('Requests that may wait on a connection for the answer to the one before. One more closes the connection.'),
  headerBytes: whole(1024, 65_536).default(8192).describe('Longest request line and headers of a request, together, in bytes.'),
  headerMs: milliseconds.default(10_000).describe('A new connection is closed unless a request is complete within this time.'),
  keepAliveMs: milliseconds
    .default(75_000)
    .describe('A connection is closed unless another request is complete within this time after an answer.'),
  idleMs: milliseconds
    .default(60_000)
    .describe('Time limit for a read from the content, and the period that `minBytesPerSecond` refers to.'),
  minBytesPerSecond: whole(0, 1_000_000_000)
    .default(1024)
    .describe('A client that takes less, on average over `idleMs`, is disconnected. 0 allows any speed.'),
});

const schema = z
  .strictObject({
    listen: addresses(80).describe('Where requests are accepted: `{ address, port }`.'),
    tls: tls.optional().meta({
      description: 'Serve HTTPS as well. The files are watched: a renewed certificate takes effect at once.',
      leftOut: 'off',
    }),
    limits: limits.prefault({}).describe('What one client, and all clients together, may use.'),
  })
  .describe('Serve by HTTP what TFTP serves. If left out, HTTP is not served.');

declare module '../config/resolve.ts' {
  interface ResolvedSections {
    readonly http?: z.output<typeof schema> | undefined;
  }
}

export const httpSection = { schema, isOptional: true } satisfies Section;
