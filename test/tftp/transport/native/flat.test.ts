/** Messages between threads come back as they were, by way of what really carries them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Opcode } from '../../../../src/tftp/protocol/packet.ts';
import { flatFromData, flatToData, fromData, toData } from '../../../../src/tftp/transport/native/flat.ts';
import type { FromData, ToData } from '../../../../src/tftp/transport/native/messages.ts';

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const ms = fc.double({ min: 0, max: 1e6, noNaN: true });
const options = fc.array(fc.record({ name: fc.string(), value: fc.string() }), { maxLength: 6 });
const error = fc.record(
  { code: fc.nat(8), message: fc.string(), reason: fc.constantFrom('not-found', 'no-answer'), detail: fc.string() },
  { requiredKeys: ['code', 'message'] },
);
const id = fc.nat();

const request = fc.record({
  kind: fc.constant('request' as const),
  id,
  peer: fc.oneof(fc.nat({ max: 2 ** 48 }), fc.constant('69 fe80::1%eth0')),
  endpoint: fc.nat(),
  packet: fc.record({
    opcode: fc.constantFrom(Opcode.rrq, Opcode.wrq),
    name: fc.string(),
    mode: fc.string(),
    options,
  }),
});

const agreement = fc.record({
  acknowledged: options,
  blockSize: fc.integer({ min: 8, max: 65464 }),
  windowSize: fc.integer({ min: 1, max: 65535 }),
  rollover: fc.constantFrom(0 as const, 1 as const),
  timeoutMs: maybe(ms),
});

const end = fc.record({
  kind: fc.constant('end' as const),
  id,
  ending: fc.record({
    outcome: fc.constantFrom('completed', 'probed', 'aborted', 'refused', 'failed'),
    bytes: fc.nat(),
    durationMs: ms,
    agreement: maybe(agreement),
    rttMs: maybe(ms),
    retransmissions: fc.nat(),
    lastAckMissing: fc.boolean(),
    error: maybe(error),
  }),
});

const others: fc.Arbitrary<FromData> = fc.record({ kind: fc.constant('need' as const), id, index: fc.nat() });

const read = fc.record({
  kind: fc.constant('read' as const),
  size: maybe(fc.nat()),
  first: fc.uint8Array({ maxLength: 20 }),
  again: fc.boolean(),
});

const answer: fc.Arbitrary<ToData> = fc.record({
  kind: fc.constant('answer' as const),
  id,
  answer: fc.oneof(read, fc.constant({ kind: 'write' as const })),
  terms: fc.nat(),
});

const serve: fc.Arbitrary<ToData> = fc.record({
  kind: fc.constant('serve' as const),
  id,
  file: fc.record({ fd: fc.nat(), version: fc.string(), size: fc.nat() }),
  terms: fc.nat(),
});

const settled: fc.Arbitrary<ToData> = fc.record({ kind: fc.constant('settled' as const), id });

describe('a message comes back as it was', () => {
  test('from the data thread', () => {
    fc.assert(
      fc.property(fc.oneof(request, end, others), (message) => {
        expect(fromData(structuredClone(flatFromData(message)))).toStrictEqual(structuredClone(message));
      }),
    );
  });

  test('to the data thread', () => {
    fc.assert(
      fc.property(fc.oneof(answer, serve, settled), (message) => {
        expect(toData(structuredClone(flatToData(message)))).toStrictEqual(structuredClone(message));
      }),
    );
  });
});
