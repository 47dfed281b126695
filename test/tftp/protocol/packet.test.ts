import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockOf, decode, encode, Opcode, type Option, opcodeOf, type Packet } from '../../../src/tftp/protocol/packet.ts';
import { hex } from '../../kit/hex.ts';
import { readVectors } from '../../kit/vectors.ts';

const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const request = (name: string, mode: string, ...options: [string, string][]): Packet => ({
  opcode: Opcode.rrq,
  name,
  mode,
  options: options.map(([name, value]) => ({ name, value })),
});

describe('bytes and packets, both ways', () => {
  test.each<[string, Uint8Array, Packet]>([
    ['a read request', ascii('\0\x01f\0octet\0'), request('f', 'octet')],
    ['a write request', ascii('\0\x02f\0octet\0'), { opcode: Opcode.wrq, name: 'f', mode: 'octet', options: [] }],
    [
      'options in their order',
      ascii('\0\x01f\0octet\0tsize\x000\0blksize\x008\0'),
      request('f', 'octet', ['tsize', '0'], ['blksize', '8']),
    ],
    ['option names as spelt', ascii('\0\x01f\0octet\0BlkSize\x008\0'), request('f', 'octet', ['BlkSize', '8'])],
    ['an empty option value', ascii('\0\x01f\0octet\0multicast\0\0'), request('f', 'octet', ['multicast', ''])],
    ['one option twice', ascii('\0\x01f\0octet\0a\x001\0a\x002\0'), request('f', 'octet', ['a', '1'], ['a', '2'])],
    ['a name in UTF-8', hex('0001 c3a4 00 6f6374657400'), request('ä', 'octet')],
    ['a name that begins with a byte order mark', hex('0001 efbbbf66 00 6f6374657400'), request('\uFEFFf', 'octet')],
    ['data', hex('0003 0102 aabb'), { opcode: Opcode.data, block: 258, payload: hex('aabb') }],
    ['data of no bytes', hex('0003 ffff'), { opcode: Opcode.data, block: 65535, payload: hex('') }],
    ['an ACK', hex('0004 fffe'), { opcode: Opcode.ack, block: 65534 }],
    ['an ACK of block 0', hex('0004 0000'), { opcode: Opcode.ack, block: 0 }],
    ['an ERROR', ascii('\0\x05\0\x08no\0'), { opcode: Opcode.error, code: 8, message: 'no' }],
    ['an ERROR without text', hex('0005 ffff 00'), { opcode: Opcode.error, code: 65535, message: '' }],
    ['an OACK', ascii('\0\x06tsize\x0017\0'), { opcode: Opcode.oack, options: [{ name: 'tsize', value: '17' }] }],
    ['an OACK of nothing', hex('0006'), { opcode: Opcode.oack, options: [] }],
  ])('%s', (_, bytes, packet) => {
    expect(decode(bytes)).toEqual(packet);
    expect(encode(packet)).toEqual(bytes);
  });
});

describe('what is read, though nobody should send it', () => {
  test.each<[string, Uint8Array, Packet]>([
    ['a padded ACK', hex('0004 0003 0000 0000 0000'), { opcode: Opcode.ack, block: 3 }],
    ['trailing NULs behind a request', ascii('\0\x01f\0octet\0\0\0\0'), request('f', 'octet')],
    ['trailing NULs behind an option', ascii('\0\x01f\0octet\0tsize\x000\0\0\0\0'), request('f', 'octet', ['tsize', '0'])],
    ['an option without value', ascii('\0\x01f\0octet\0tsize\x000\0blksize\0'), request('f', 'octet', ['tsize', '0'])],
    ['a value without NUL', ascii('\0\x01f\0octet\0tsize\x000\0blksize\x001468'), request('f', 'octet', ['tsize', '0'])],
    ['an option of empty name', ascii('\0\x01f\0octet\0\x005\0tsize\x000\0'), request('f', 'octet', ['tsize', '0'])],
    ['a mode in capitals', ascii('\0\x01f\0OcTeT\0'), request('f', 'octet')],
    ['a trailing 0xFF in a name', ascii('\0\x01f\xff\0octet\0'), request('f\xff', 'octet')],
    ['overlong UTF-8 stays bytes', hex('0001 c0ae c0ae 00 6f6374657400'), request('\xc0\xae\xc0\xae', 'octet')],
    ['format and control characters', ascii('\0\x01%s%n%x\x1b[2J\0octet\0'), request('%s%n%x\x1b[2J', 'octet')],
    ['an ERROR without NUL', ascii('\0\x05\0\x01gone'), { opcode: Opcode.error, code: 1, message: 'gone' }],
    ['an ERROR of four bytes', hex('0005 0008'), { opcode: Opcode.error, code: 8, message: '' }],
    ['an ERROR of three bytes', hex('0005 00'), { opcode: Opcode.error, code: 0, message: '' }],
    ['an ERROR of two bytes', hex('0005'), { opcode: Opcode.error, code: 0, message: '' }],
    ['an ERROR of 60 KB', ascii(`\0\x05\0\0${'x'.repeat(60_000)}`), { opcode: Opcode.error, code: 0, message: 'x'.repeat(512) }],
  ])('%s', (_, bytes, packet) => {
    expect(decode(bytes)).toEqual(packet);
  });
});

describe('what is no packet', () => {
  test.each<[string, Uint8Array]>([
    ['nothing', hex('')],
    ['one byte', hex('00')],
    ['a request of two bytes', hex('0001')],
    ['a request without NUL', ascii('\0\x01name')],
    ['a request with one NUL', ascii('\0\x01name\0')],
    ['a mode without NUL', ascii('\0\x01name\0octet')],
    ['an empty name', ascii('\0\x01\0octet\0')],
    ['an empty mode', ascii('\0\x01name\0\0')],
    ['DATA without a block', hex('0003 00')],
    ['an ACK without a block', hex('0004')],
    ['an ACK of three bytes', hex('0004 00')],
    ['opcode 0', hex('0000 0000')],
    ['opcode 7', hex('0007 0000')],
    ['opcode 257', hex('0101 6600 6f6374657400')],
  ])('%s', (_, bytes) => {
    expect(decode(bytes)).toBeUndefined();
  });
});

test('opcode and block are readable in place', () => {
  expect(opcodeOf(hex('00'))).toBe(0);
  expect(opcodeOf(hex('0003'))).toBe(3);
  expect(opcodeOf(hex('0103'))).toBe(259);
  expect(blockOf(hex('0004 00'))).toBe(-1);
  expect(blockOf(hex('0004 0102'))).toBe(258);
});

describe('every request of real clients', () => {
  const vectors = readVectors();

  test('there are 135 of them', () => {
    expect(vectors).toHaveLength(135);
  });

  test.each(vectors)('$client $kind $name $mode', ({ kind, name, mode, options, bytes }) => {
    const packet = { opcode: kind === 'RRQ' ? Opcode.rrq : Opcode.wrq, name, mode, options };
    expect(decode(bytes)).toEqual(packet);
    expect(encode(packet)).toEqual(bytes);
  });
});

describe('any bytes', () => {
  const datagrams = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    // Nearly packets: a true opcode, and bytes among which NULs are frequent.
    fc
      .tuple(
        fc.integer({ min: 0, max: 8 }),
        fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { maxLength: 100 }),
      )
      .map(([opcode, rest]) => Uint8Array.of(0, opcode, ...rest)),
  );

  test('are a packet or undefined, never an exception, and the packet is stable', () => {
    fc.assert(
      fc.property(datagrams, (datagram) => {
        const before = datagram.slice();
        const packet = decode(datagram);
        expect(datagram).toEqual(before);
        if (packet) expect(decode(encode(packet))).toEqual(packet);
      }),
      { numRuns: 5000 },
    );
  });

  test('packets of any content come back as they were', () => {
    const text = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 40 })
      .filter((text) => text.isWellFormed() && !text.includes('\0'));
    const options: fc.Arbitrary<Option[]> = fc.array(fc.record({ name: text, value: fc.oneof(text, fc.constant('')) }), {
      maxLength: 5,
    });
    const packets: fc.Arbitrary<Packet> = fc.oneof(
      fc.record({
        opcode: fc.constantFrom(Opcode.rrq, Opcode.wrq),
        name: text,
        mode: fc.constantFrom('octet', 'netascii'),
        options,
      }),
      fc.record({ opcode: fc.constant(Opcode.oack), options }),
      fc.record({ opcode: fc.constant(Opcode.ack), block: fc.nat(65535) }),
      fc.record({ opcode: fc.constant(Opcode.data), block: fc.nat(65535), payload: fc.uint8Array() }),
      fc.record({ opcode: fc.constant(Opcode.error), code: fc.nat(65535), message: text }),
    );
    fc.assert(
      fc.property(packets, (packet) => {
        expect(decode(encode(packet))).toEqual(packet);
      }),
    );
  });
});
