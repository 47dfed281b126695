/** Messages between threads come back as they were, by way of what really carries them. */
import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { Opcode } from '../../../../src/tftp/protocol/packet.ts';
import { MailboxReader, MailboxWriter, mailboxMemory } from '../../../../src/tftp/transport/native/mailbox.ts';
import { type FromData, NOT_OPEN, type ToData } from '../../../../src/tftp/transport/native/messages.ts';
import { packFromData, packToData, unpackFromData, unpackToData } from '../../../../src/tftp/transport/native/packing.ts';

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const ms = fc.double({ min: 0, max: 1e6, noNaN: true });
/** What a datagram can hold: it ends each by NUL. */
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll('\0', ''));
const options = fc.array(fc.record({ name: text, value: text }), { maxLength: 6 });
/** Of a plugin, perhaps, and then of any length. */
const message = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('x'.repeat(20_000)));
const reason = fc.constantFrom('not-found' as const, 'no-answer' as const);
const error = fc.record({ code: fc.nat(8), message, reason, detail: message }, { requiredKeys: ['code', 'message'] });
const id = fc.nat();

const request = fc.record({
  kind: fc.constant('request' as const),
  id,
  peer: fc.oneof(fc.nat({ max: 2 ** 48 }), fc.constant('69 fe80::1%eth0')),
  endpoint: fc.nat(),
  packet: fc.record({
    opcode: fc.constantFrom(Opcode.rrq, Opcode.wrq),
    name: text,
    mode: text,
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
  limitsId: fc.nat(),
});

const serve: fc.Arbitrary<ToData> = fc.oneof(
  fc.record({
    kind: fc.constant('serve' as const),
    id,
    file: fc.record({ fd: fc.nat(), version: fc.string(), size: fc.nat() }),
    limitsId: fc.nat(),
  }),
  fc.record({
    kind: fc.constant('serve' as const),
    id,
    file: fc.record({ fd: fc.constant(NOT_OPEN), version: fc.string(), size: fc.nat() }),
    limitsId: fc.nat(),
    first: fc.uint8Array({ maxLength: 5000 }).map((bytes) => new Uint8Array(bytes)),
  }),
);

const refuse: fc.Arbitrary<ToData> = fc.record({ kind: fc.constant('refuse' as const), id, error });
const finished: fc.Arbitrary<ToData> = fc.record({ kind: fc.constant('finished' as const), id });
const written: fc.Arbitrary<ToData> = fc.record({
  kind: fc.constant('written' as const),
  id,
  bytes: fc.nat(),
  stored: fc.boolean(),
});

const { port1, port2 } = new MessageChannel();
const memory = mailboxMemory();
const writer = new MailboxWriter({ memory, port: port1 });
const reader = new MailboxReader({ memory, port: port2 });
afterAll(() => port1.close());

/** What comes out of a mailbox that a message was put into. */
function carried<Message>(
  pack: (writer: MailboxWriter, message: Message) => boolean,
  unpack: (reader: MailboxReader, kind: number) => Message,
  message: Message,
): unknown {
  expect(pack(writer, message)).toBe(true);
  let taken: unknown;
  const record = (kind: number) => {
    taken = unpack(reader, kind);
  };
  const parcel = (value: unknown) => {
    taken = value;
  };
  expect(reader.take(record, parcel)).toBe(true);
  expect(reader.empty).toBe(true);
  return taken;
}

describe('a message comes back as it was', () => {
  test('from the data thread', () => {
    fc.assert(
      fc.property(fc.oneof(request, end, others), (message) => {
        const sent = structuredClone(message);
        expect(carried(packFromData, unpackFromData, message as FromData)).toStrictEqual(sent);
      }),
    );
  });

  test('to the data thread', () => {
    fc.assert(
      fc.property(fc.oneof(answer, serve, refuse, finished, written), (message) => {
        const sent = structuredClone(message);
        expect(carried(packToData, unpackToData, message)).toStrictEqual(sent);
      }),
    );
  });

  test('whose text is the longest that a request can have', () => {
    const packet = { opcode: Opcode.rrq, name: '\uffff'.repeat(680), mode: 'octet', options: [] };
    const message: FromData = { kind: 'request', id: 1, peer: 1, endpoint: 1, packet };
    expect(carried(packFromData, unpackFromData, message)).toStrictEqual(message);
  });
});
