/**
 * The keys of the section `dhcp`: their ranges, their defaults, and what they mean. The comments of `config.ts`, the reference in `docs/` and
 * the JSON Schema are generated from here by `npm run docs`.
 */
import { z } from 'zod';
import type { Section } from '../config/schema.ts';
import { count, milliseconds, millisecondsOrNone, network, text, whole } from '../config/values.ts';

const ports = z
  .strictObject({
    dhcp: whole(1, 65535).default(67).describe('Where machines and relays send their requests.'),
    bootServer: whole(1, 65535).default(4011).describe('Where machines ask for the boot file if the offer does not name it.'),
    client: whole(1, 65535).default(68).describe('Where machines expect offers.'),
  })
  .refine(({ dhcp, bootServer }) => dhcp !== bootServer, { message: 'must differ from `dhcp`', path: ['bootServer'] });

const limits = z.strictObject({
  exchanges: count.default(4096).describe('Concurrent requests. Further ones are dropped until one has been answered.'),
  requestsPerMachine: count
    .default(8)
    .describe('Requests of one machine that are answered within `perMs`. Firmware sends one to three in 4 seconds.'),
  requestsPerRelay: count.default(2000).describe('Requests that one relay may forward within `perMs`.'),
  perMs: milliseconds.default(4000).describe('The time that `requestsPerMachine` and `requestsPerRelay` refer to.'),
  machines: count
    .default(16_384)
    .describe('Machines whose requests and offers are remembered. Beyond that, those not heard of for longest are forgotten.'),
});

const schema = z
  .strictObject({
    interfaces: z.array(text).min(1).optional().meta({
      description:
        'Names of the interfaces that are served, such as `eth0`. If left out, each one with an IPv4 address is served.',
      more: 'Where the interface of a request is not known (with the portable `tftp.transport`, and on systems other than Linux on x86-64), only the first is served.',
      leftOut: 'all',
    }),
    bootServerOnly: z.boolean().default(false).meta({
      description: 'Answer on port 4011 only: for a host that runs a DHCP server which does not share port 67.',
      more: 'That DHCP server must then send option 60 `PXEClient` to machines that boot.',
    }),
    relays: z
      .array(network)
      .default([])
      .describe(
        'Networks whose relays are answered, by the address of the relay (giaddr): `10.8.0.0/24`. If any are listed, relays in the networks of the served interfaces are answered as well.',
      ),
    replyDelayMs: millisecondsOrNone
      .max(3000)
      .default(0)
      .describe('Time before an offer is sent, for firmware that misses an offer that comes at once.'),
    ports: ports
      .prefault({})
      .describe('UDP ports. Firmware knows no others: change them for tests, or behind a redirecting firewall.'),
    limits: limits.prefault({}).describe('What one machine, and all machines together, may use.'),
  })
  .describe(
    'Tell machines what to load, beside a DHCP server that only assigns addresses (proxyDHCP). If left out, DHCP is not served.',
  );

declare module '../config/resolve.ts' {
  interface ResolvedSections {
    readonly dhcp?: z.output<typeof schema> | undefined;
  }
}

export const dhcpSection = { schema, isOptional: true } satisfies Section;
