/** The ring between the threads: what is read is what was written, whatever the positions, the lengths and the speed of either side. */
import { MessageChannel, Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { MailboxReader, MailboxWriter, mailboxMemory } from '../../../../src/tftp/transport/native/mailbox.ts';

const SMALL_RING_BYTES = 32 * 1024;

interface Pair {
  readonly writer: MailboxWriter;
  readonly reader: MailboxReader;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** @param position where both sides are at the start */
function mailbox(position = 0): Pair {
  const memory = mailboxMemory(SMALL_RING_BYTES);
  const positions = new Int32Array(memory, 0, 32);
  positions.fill(position);
  const { port1, port2 } = new MessageChannel();
  cleanups.push(() => port1.close());
  return { writer: new MailboxWriter({ memory, port: port1 }), reader: new MailboxReader({ memory, port: port2 }) };
}

/** A record of numbers and texts, which are told apart by its kind's bits. */
type Fields = readonly (number | string)[];

function put(writer: MailboxWriter, fields: Fields): boolean {
  let kind = 1;
  for (const field of fields) kind = (kind << 1) | (typeof field === 'string' ? 1 : 0);
  if (!writer.begin(kind)) return false;
  for (const field of fields) {
    if (typeof field === 'string') writer.text(field);
    else writer.number(field);
  }
  writer.end();
  return true;
}

/** What the next record or parcel holds; `undefined` if there is none. */
function take(reader: MailboxReader): unknown {
  let taken: unknown;
  reader.take(
    (kind) => {
      const fields: (number | string)[] = [];
      const bits = kind.toString(2).slice(1);
      for (const bit of bits) fields.push(bit === '1' ? reader.text() : reader.number());
      taken = fields;
    },
    (parcel) => {
      taken = { parcel };
    },
  );
  return taken;
}

it('is empty at first', () => {
  const { reader } = mailbox();
  expect(reader.empty).toBe(true);
  expect(take(reader)).toBeUndefined();
});

it.each<[string, Fields]>([
  ['nothing but a kind', []],
  ['numbers', [0, -1, 2 ** 53 - 1, 0.25, Number.POSITIVE_INFINITY]],
  ['a number that is none', [Number.NaN]],
  ['texts', ['', 'a', 'pxelinux.0', 'x'.repeat(2048)]],
  ['text beyond ASCII', ['Grüße', '日本', '😀', '\u0000\u007f\u00ff']],
  ['both by turns', ['boot', 1, '', 2, 'über', 3]],
])('carries %s', (_what, fields) => {
  const { writer, reader } = mailbox();
  expect(put(writer, fields)).toBe(true);
  expect(take(reader)).toEqual(fields);
  expect(reader.empty).toBe(true);
});

it('carries any records in order, env the end of the ring and beyond 32 bits', () => {
  const field = fc.oneof(fc.double(), fc.string({ unit: 'grapheme', maxLength: 300 }));
  const records = fc.array(fc.array(field, { maxLength: 5 }), { minLength: 50, maxLength: 200 });
  fc.assert(
    fc.property(records, fc.constantFrom(0, -5, 2 ** 31 - 3), fc.infiniteStream(fc.boolean()), (written, position, reads) => {
      const { writer, reader } = mailbox(position);
      const read: unknown[] = [];
      for (const fields of written) {
        while (!put(writer, fields)) read.push(take(reader));
        if (reads.next().value) read.push(take(reader));
      }
      while (!reader.empty) read.push(take(reader));
      expect(read.filter((record) => record !== undefined)).toEqual(written);
    }),
    { numRuns: 30 },
  );
});

it('refuses a record that has no room, and takes it when the reader has made some', () => {
  const { writer, reader } = mailbox();
  let written = 0;
  while (put(writer, [written, 'x'.repeat(1000)])) written++;
  expect(written).toBeGreaterThan(20);
  expect(put(writer, ['more'])).toBe(false);
  expect(writer.parcel('more')).toBe(false);
  for (let n = 0; n < written; n++) expect(take(reader)).toEqual([n, 'x'.repeat(1000)]);
  expect(reader.empty).toBe(true);
  expect(put(writer, ['more'])).toBe(true);
  expect(take(reader)).toEqual(['more']);
});

it('gives the room of a record back only when it has been read', () => {
  const { writer, reader } = mailbox();
  while (put(writer, ['x'.repeat(2000)]));
  reader.take(
    () => expect(put(writer, ['too early'])).toBe(false),
    () => expect.unreachable(),
  );
});

it('keeps parcels in their place among the records', () => {
  const { writer, reader } = mailbox();
  put(writer, [1]);
  writer.parcel({ bytes: new Uint8Array([1, 2]) });
  put(writer, [2]);
  writer.parcel('last');
  expect([take(reader), take(reader), take(reader), take(reader), take(reader)]).toEqual([
    [1],
    { parcel: { bytes: new Uint8Array([1, 2]) } },
    [2],
    { parcel: 'last' },
    undefined,
  ]);
});

it('passes the memory of a parcel on', () => {
  const { writer, reader } = mailbox();
  const bytes = new Uint8Array([1, 2, 3]);
  writer.parcel(bytes, [bytes.buffer]);
  expect(bytes.length).toBe(0);
  expect(take(reader)).toEqual({ parcel: new Uint8Array([1, 2, 3]) });
});

it('goes on after a reader that has thrown, with the next record', () => {
  const { writer, reader } = mailbox();
  put(writer, [1, 'one']);
  put(writer, [2, 'two']);
  const fault = () => {
    throw new Error('a fault');
  };
  expect(() => reader.take(fault, fault)).toThrow('a fault');
  expect(take(reader)).toEqual([2, 'two']);
});

it('knows which texts fit into a record, and writes no other over what is there', () => {
  const { writer, reader } = mailbox();
  expect(writer.fits(2048)).toBe(true);
  expect(writer.fits(8000)).toBe(false);
  put(writer, ['first']);
  writer.begin(1);
  expect(() => writer.text('ü'.repeat(6000))).toThrow('6000 characters');
  put(writer, ['second']);
  expect([take(reader), take(reader), take(reader)]).toEqual([['first'], ['second'], undefined]);
});

it('shows no record in part to a reader in another thread', async () => {
  const RECORDS = 20_000;
  const memory = mailboxMemory(SMALL_RING_BYTES);
  const { port1, port2 } = new MessageChannel();
  const code = `
    const { workerData: { memory, port, count, url } } = require('node:worker_threads');
    import(url).then(({ MailboxWriter }) => {
      const writer = new MailboxWriter({ memory, port });
      for (let n = 0; n < count; ) {
        if (!writer.begin(1)) continue;
        writer.number(n);
        writer.text(String(n).repeat(1 + (n % 40)));
        writer.number(-n);
        writer.end();
        n++;
        if (n % 1000 === 0) while (!writer.parcel(n));
      }
    });`;
  const url = new URL('../../../../src/tftp/transport/native/mailbox.ts', import.meta.url).href;
  const worker = new Worker(code, {
    eval: true,
    workerData: { memory, port: port1, count: RECORDS, url },
    transferList: [port1],
  });
  const failed = new Promise((_, reject) => worker.once('error', reject));
  cleanups.push(() => worker.terminate());
  const reader = new MailboxReader({ memory, port: port2 });
  cleanups.push(() => port2.close());
  let next = 0;
  let parcels = 0;
  const record = () => {
    const n = reader.number();
    const text = reader.text();
    if (n !== next || text !== String(n).repeat(1 + (n % 40)) || reader.number() !== -n) throw new Error(`record ${n}: ${text}`);
    next++;
  };
  const parcel = (value: unknown) => {
    if (value !== next) throw new Error(`parcel ${value} after record ${next}`);
    parcels++;
  };
  while (next < RECORDS || parcels < RECORDS / 1000) {
    if (reader.take(record, parcel)) continue;
    await Promise.race([new Promise((resolve) => setImmediate(resolve)), failed]);
  }
  expect(reader.empty).toBe(true);
});
