/** FIELD.md §4, row by row, as far as the Engine meets it: each must leave it alive, other transfers unharmed, and nothing behind. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { type PeerKey, peerKey } from '../../../src/base/peer.ts';
import { decode, encode, Opcode } from '../../../src/tftp/protocol/packet.ts';
import { Bench, type BenchOptions, bytesOf, digest, pattern, peerNamed, type Sent, textOf } from '../../kit/bench.ts';
import { deliver, Fetcher } from '../../kit/fetcher.ts';
import { hex } from '../../kit/hex.ts';
import { ENGINE_LIMITS } from '../../kit/limits.ts';

const FILE = pattern(20 * 512 + 7);
const FILES = { f: FILE, g: FILE };
const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const texts = (sent: readonly Sent[]) => sent.map(({ bytes }) => textOf(decode(bytes)!));

let bench: Bench;

function start(options: BenchOptions = {}): Bench {
  bench = new Bench({ files: FILES, uploadBytes: 1e6, ...options });
  return bench;
}

/** Whatever was done to it, it serves the next one, and then forgets everything. */
afterEach(() => {
  bench.takeSent();
  const fetcher = new Fetcher(bench, peerKey('192.168.7.99', 4000), bytesOf('RRQ f octet blksize=1468 windowsize=4')).ask();
  for (let i = 0; i < 20 && fetcher.state !== 'done'; i++) {
    deliver(bench, [fetcher]);
    bench.pass(50);
  }
  expect(digest(fetcher.bytes)).toBe(digest(FILE));
  bench.expectNothingLeft();
});

describe('FIELD 4.1 datagrams of 0 to 3 bytes', () => {
  const BYTES = [0, 1, 2, 3, 4, 5, 6, 7, 255];
  const SHORT = [
    new Uint8Array(0),
    ...BYTES.map((a) => Uint8Array.of(a)),
    ...BYTES.flatMap((a) => BYTES.map((b) => Uint8Array.of(a, b))),
    ...BYTES.flatMap((a) => BYTES.flatMap((b) => BYTES.map((c) => Uint8Array.of(a, b, c)))),
  ];
  // An ERROR is an ERROR without its code, too: that ends a transfer, see row 6.
  const HARMLESS = SHORT.filter((bytes) => !(bytes[0] === 0 && bytes[1] === Opcode.error));

  test('to the listening port', () => {
    start();
    for (const bytes of SHORT) bench.say(`C>69 hex ${Buffer.from(bytes).toString('hex')}`);
    expect(bench.sent).toEqual([]);
    expect(bench.requests).toEqual([]);
  });

  test.each([
    ['before the first ACK', []],
    ['in mid-window', ['ACK 0']],
    ['between windows', ['ACK 0', 'ACK 4', 'ACK 8']],
    ['after the last ACK', ['ACK 0', 'ACK 4', 'ACK 8', 'ACK 12', 'ACK 16', 'ACK 20', 'ACK 21']],
  ])('to the port of a transfer %s', (_, acks) => {
    start({ transfer: { minTimeoutMs: 3000 } });
    bench.say('C>69 RRQ f octet windowsize=4');
    for (const ack of acks) bench.say(`C>a ${ack}`);
    bench.takeSent();
    for (const bytes of HARMLESS) bench.receive(bench.endpoint('a'), peerNamed('C'), bytes);
    for (const bytes of SHORT) bench.receive(bench.endpoint('a'), peerNamed('S'), bytes);
    expect(texts(bench.takeSent()).filter((text) => text !== 'ERROR 5 unknown transfer ID')).toEqual([]);
    for (const ack of ['ACK 0', 'ACK 4', 'ACK 8', 'ACK 12', 'ACK 16', 'ACK 20', 'ACK 21'].slice(acks.length))
      bench.say(`C>a ${ack}`);
    expect(bench.ending).toMatchObject({ outcome: 'completed', bytes: FILE.length, retransmissions: 0 });
  });

  test('to the port of an upload', () => {
    start();
    bench.say('C>69 WRQ up octet');
    bench.say('C>a DATA 1 512');
    bench.takeSent();
    for (const bytes of HARMLESS) bench.receive(bench.endpoint('a'), peerNamed('C'), bytes);
    expect(bench.sent).toEqual([]);
    bench.say('C>a DATA 2 5');
    expect(bench.ending.outcome).toBe('completed');
  });
});

describe('FIELD 4.2 requests of any shape', () => {
  const dropped = (name: string, bytes: Uint8Array) => [name, bytes, undefined] as const;
  const asks = (name: string, bytes: Uint8Array, asked: string, options = '') => [name, bytes, `${asked}|${options}`] as const;

  test.each([
    dropped('without NUL', ascii('\0\x01f')),
    dropped('with one NUL', ascii('\0\x01f\0')),
    dropped('with an empty name', ascii('\0\x01\0octet\0')),
    dropped('with an empty mode', ascii('\0\x01f\0\0')),
    dropped('with a name of 65,000 bytes', ascii(`\0\x01${'f'.repeat(65_000)}\0octet\0`)),
    dropped('of 65,000 NULs', ascii(`\0\x01${'\0'.repeat(65_000)}`)),
    asks('with an option without value', ascii('\0\x01f\0octet\0blksize\0'), 'f'),
    asks('with an empty value', ascii('\0\x01f\0octet\0blksize\0\0'), 'f', 'blksize='),
    asks('with an odd number of strings', ascii('\0\x01f\0octet\0tsize\x000\0blksize\0'), 'f', 'tsize=0'),
    asks('with one option twice', ascii('\0\x01f\0octet\0tsize\x000\0tsize\x001\0'), 'f', 'tsize=0 tsize=1'),
    asks(
      'with 40 options: 16 of them are looked at',
      ascii(`\0\x01f\0octet\0${'a\x001\0'.repeat(15)}tsize\x000\0${'blksize\x008\0'.repeat(24)}`),
      'f',
      `${'a=1 '.repeat(15)}tsize=0`,
    ),
    asks('with an option name too long', ascii(`\0\x01f\0octet\0${'a'.repeat(129)}\x001\0tsize\x000\0`), 'f', 'tsize=0'),
    asks('with an option value too long', ascii(`\0\x01f\0octet\0blksize\0${'0'.repeat(129)}8\0tsize\x000\0`), 'f', 'tsize=0'),
    asks('with a non-ASCII name', hex('0001 c3a4e282ac 00 6f6374657400'), 'ä€'),
    asks('with format characters', ascii('\0\x01%s%n%x\0octet\0'), '%s%n%x'),
    asks('with control characters', ascii('\0\x01\x01\x1b[2J\r\n\x7f\0octet\0'), '\x01\x1b[2J\r\n\x7f'),
    asks('with a trailing 0xFF', ascii('\0\x01f\xff\0octet\0'), 'f\xff'),
    asks('with trailing NULs', ascii('\0\x01f\0octet\0\0\0\0\0\0\0\0'), 'f'),
    asks('named like a property', ascii('\0\x01__proto__\0octet\0constructor\0toString\0'), '__proto__', 'constructor=toString'),
    asks('in an unknown mode', ascii('\0\x01f\0mail\0'), 'f'),
  ])('%s', (_, bytes, asked) => {
    start();
    bench.receive(bench.listener, peerNamed('C'), bytes);
    const seen = bench.requests.map(
      ({ packet }) => `${packet.name}|${packet.options.map(({ name, value }) => `${name}=${value}`).join(' ')}`,
    );
    expect(seen).toEqual(asked === undefined ? [] : [asked]);
    expect(bench.drops).toEqual(asked === undefined ? ['malformed'] : []);
    expect(bench.sent).toHaveLength(asked === undefined ? 0 : 1);
  });

  test('a request to a port that takes none is nothing', () => {
    start();
    bench.say('C>69 RRQ f octet');
    bench.takeSent();
    bench.say('C>a RRQ g octet');
    bench.say('S>a RRQ g octet');
    bench.say('S>a WRQ g octet');
    expect(bench.requests).toHaveLength(1);
    expect(bench.sent).toEqual([]);
  });
});

describe('FIELD 4.3 option values', () => {
  const VALUES = [
    '0',
    '7',
    '8',
    '65464',
    '65465',
    '-1',
    '+8',
    ' 1468',
    '1468x',
    '1.5',
    'abc',
    '0x200',
    '4294967808',
    '999999999999',
  ];

  describe.each(['blksize', 'windowsize', 'timeout', 'tsize', 'rollover'])('%s', (name) => {
    test.each([...VALUES, '9'.repeat(400), '9'.repeat(100)])('%j is agreed or ignored, and never an ERROR', (value) => {
      start();
      bench.receive(bench.listener, peerNamed('C'), ascii(`\0\x01f\0octet\0${name}\0${value}\0`));
      const [reply] = texts(bench.sent);
      expect(reply).toMatch(new RegExp(`^(DATA 1 512|OACK ${name}=\\d{1,5})$`));
      if (reply !== 'DATA 1 512') expect(Number(value)).not.toBeNaN();
      deliver(bench, [new Fetcher(bench, peerNamed('C'), new Uint8Array(0))]);
      expect(bench.ending.outcome).toBe('completed');
    });
  });

  test('a value without NUL is no value', () => {
    start();
    bench.receive(bench.listener, peerNamed('C'), ascii('\0\x01f\0octet\0blksize\x001468'));
    expect(texts(bench.sent)).toEqual(['DATA 1 512']);
  });
});

describe('FIELD 4.4 windows and blocks', () => {
  const BIG = pattern(20 * 1024 ** 2);

  test('65535 × 65464, many times, never acknowledged: OACKs, two each', () => {
    start({ files: { ...FILES, big: BIG } });
    for (let i = 0; i < 500; i++) {
      bench.receive(bench.listener, peerKey(`10.0.0.${i % 250}`, i), bytesOf('RRQ big octet blksize=65464 windowsize=65535'));
    }
    bench.pass(20_000);
    expect(new Set(texts(bench.takeSent()))).toEqual(new Set(['OACK blksize=65464 windowsize=64']));
    expect([...bench.endings.values()].every(({ outcome }) => outcome === 'failed')).toBe(true);
  });

  test('65535 × 65464, one ACK, then silence: a block, a question, and one for each retry', () => {
    start({ files: { ...FILES, big: BIG }, supplyMs: 1, transfer: { retries: 3 } });
    bench.say('C>69 RRQ big octet blksize=65464 windowsize=65535');
    bench.say('C>a ACK 0');
    bench.pass(100_000);
    const data = bench.takeSent().filter(({ bytes }) => bytes[1] === Opcode.data);
    expect(data.map(({ bytes }) => (bytes[2]! << 8) | bytes[3]!)).toEqual([1, 3, 1, 3, 1]);
    expect(bench.ending.outcome).toBe('failed');
  });

  test('65535 × 65464, ACKs up to a whole window, then silence: 4 MiB twice at the most, and no more is asked of the content', () => {
    start({ files: { ...FILES, big: BIG }, supplyMs: 1, transfer: { retries: 3 } });
    bench.say('C>69 RRQ big octet blksize=65464 windowsize=65535');
    for (const block of [0, 1, 3, 7, 15, 31, 63]) {
      bench.say(`C>a ACK ${block}`);
      bench.pass(5);
    }
    bench.takeSent();
    bench.say('C>a ACK 64');
    bench.pass(100_000);
    const data = bench.takeSent().filter(({ bytes }) => bytes[1] === Opcode.data);
    expect(new Set(data.map(({ bytes }) => (bytes[2]! << 8) | bytes[3]!)).size).toBe(64);
    expect(data.length).toBeLessThanOrEqual(64 + 3);
    expect(bench.ending.outcome).toBe('failed');
  });

  test('any ACKs in any order: no window goes out more often than ACKs that are news, and the file arrives', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 4, 16),
        fc.array(fc.oneof(fc.nat(25), fc.nat(65535)), { maxLength: 100 }),
        (windowSize, acks) => {
          start({ transfer: { minTimeoutMs: 3000 } });
          const request = bytesOf(`RRQ f octet windowsize=${windowSize}`);
          bench.receive(bench.listener, peerNamed('C'), request);
          bench.say('C>a ACK 0');
          bench.takeSent();
          for (const block of acks) {
            bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.ack, block }));
            expect(bench.takeSent().length).toBeLessThanOrEqual(windowSize);
          }
          // Stale, future or repeated: at window 1 no ACK may send a block twice.
          const [progress] = bench.engine.progress();
          if (windowSize === 1 && progress) expect(progress.retransmissions).toBe(0);
          for (let block = 1; block <= 21 && bench.endings.size === 0; block++) bench.say(`C>a ACK ${block}`);
          expect(bench.ending.outcome).toBe('completed');
        },
      ),
    );
  });

  test('stale ACKs across the rollover say nothing', () => {
    const long = pattern(65_600 * 8);
    start({ files: { ...FILES, long }, transfer: { minTimeoutMs: 3000 } });
    bench.say('C>69 RRQ long octet blksize=8');
    for (let block = 0; block <= 65_536; block++) {
      bench.takeSent();
      bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.ack, block: block % 65536 }));
    }
    expect(texts(bench.takeSent())).toEqual(['DATA 1 8']);
    for (const stale of [0, 65535, 65534, 65000, 2, 3]) bench.say(`C>a ACK ${stale}`);
    expect(bench.sent).toEqual([]);
    bench.say('C>a ACK 1');
    expect(texts(bench.takeSent())).toEqual(['DATA 2 8']);
    bench.say('C>a ERROR 0 enough');
    expect(bench.ending.bytes).toBe(65_537 * 8);
  });

  test('blocks of an upload in any order: what is stored is what was sent', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 3, 8),
        fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 200 }),
        (windowSize, blocks) => {
          start();
          bench.say(`C>69 WRQ up octet windowsize=${windowSize}`);
          // Ten whole blocks, a last one of 7 bytes, and one that does not exist.
          for (const block of [...blocks, ...Array.from({ length: 11 }, (_, i) => i + 1)]) {
            bench.say(`C>a DATA ${block} ${block === 11 ? 7 : 512}`);
          }
          expect(bench.ending).toMatchObject({ outcome: 'completed', bytes: 10 * 512 + 7 });
          expect(bench.stored.get('up')).toHaveLength(10 * 512 + 7);
        },
      ),
    );
  });
});

describe('FIELD 4.6 ERROR packets', () => {
  const ERRORS: [string, Uint8Array, string][] = [
    ['of two bytes', hex('0005'), '0 '],
    ['of three bytes', hex('0005 00'), '0 '],
    ['of four bytes', hex('0005 0003'), '3 '],
    ['without NUL', ascii('\0\x05\0\x01gone'), '1 gone'],
    ['with 60 KB of text', ascii(`\0\x05\0\x03${'x'.repeat(60_000)}`), `3 ${'x'.repeat(512)}`],
    ['of code 65535', hex('0005 ffff 00'), '65535 '],
  ];

  test.each(ERRORS)('%s to the listening port: nothing', (_, bytes) => {
    start();
    bench.receive(bench.listener, peerNamed('C'), bytes);
    expect(bench.sent).toEqual([]);
    expect(bench.requests).toEqual([]);
  });

  test.each(ERRORS)('%s from a stranger: nothing, and the transfer goes on', (_, bytes) => {
    start();
    bench.say('C>69 RRQ f octet');
    const fetcher = new Fetcher(bench, peerNamed('C'), new Uint8Array(0));
    for (const peer of ['S', 'D', '1025', 'V']) bench.receive(bench.endpoint('a'), peerNamed(peer), bytes);
    expect(bench.sent).toHaveLength(1);
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(FILE));
  });

  test.each(ERRORS)('%s from the peer: the end, and no answer', (_, bytes, told) => {
    start();
    bench.say('C>69 RRQ f octet');
    bench.say('C>a ACK 1');
    bench.takeSent();
    bench.receive(bench.endpoint('a'), peerNamed('C'), bytes);
    bench.receive(bench.endpoint('a'), peerNamed('C'), bytes);
    expect(bench.ending.outcome).toBe('aborted');
    expect(`${bench.ending.error!.code} ${bench.ending.error!.message}`).toBe(told);
    bench.pass(60_000);
    expect(bench.sent).toEqual([]);
  });

  test.each(ERRORS)('%s in answer to our ERROR: no loop', (_, bytes) => {
    start();
    bench.say('C>69 RRQ missing octet');
    expect(texts(bench.takeSent())).toEqual(['ERROR 1 file not found']);
    for (let i = 0; i < 10; i++) bench.receive(bench.endpoint('a'), peerNamed('C'), bytes);
    bench.pass(60_000);
    // Also when it is forgotten that there was something.
    bench.receive(bench.endpoint('a'), peerNamed('C'), bytes);
    expect(bench.sent).toEqual([]);
  });

  test('in answer to our ERROR 5: no loop', () => {
    start();
    bench.say('C>69 RRQ f octet');
    bench.takeSent();
    bench.say('S>a ACK 1');
    expect(texts(bench.takeSent())).toEqual(['ERROR 5 unknown transfer ID']);
    bench.say('S>a ERROR 5 unknown transfer ID');
    expect(bench.sent).toEqual([]);
  });

  test('our own ERRORs are short, whatever a plugin has to say', () => {
    start({ answerMs: Number.POSITIVE_INFINITY });
    bench.say('C>69 RRQ f octet');
    bench.engine.refuse(1, { code: 2, message: 'no'.repeat(50_000) }, bench.now);
    expect(bench.sent).toHaveLength(1);
    expect(bench.sent[0]!.bytes.length).toBeLessThanOrEqual(516);
    expect(bench.ending.outcome).toBe('refused');
    bench = new Bench({ files: FILES });
  });
});

describe("FIELD 4.7 a stranger's packet on a transfer's port", () => {
  test.each([
    'ACK 0',
    'ACK 1',
    'ACK 2',
    'DATA 1 512',
    'DATA 2 0',
    'ERROR 0 die',
    'OACK blksize=8',
    'hex 0009',
  ])('%s', (packet) => {
    start();
    bench.say('C>69 RRQ f octet');
    bench.say('D>69 WRQ up octet');
    bench.say('C>a ACK 1');
    bench.takeSent();
    for (const peer of ['S', 'V', '1025']) {
      bench.say(`${peer}>a ${packet}`);
      bench.say(`${peer}>b ${packet}`);
    }
    const answered = packet.startsWith('ACK') || packet.startsWith('DATA');
    expect(texts(bench.sent)).toEqual(Array(answered ? 6 : 0).fill('ERROR 5 unknown transfer ID'));
    expect(new Set(bench.takeSent().map(({ to }) => to))).toEqual(new Set(answered ? ['S', 'V', '1025'].map(peerNamed) : []));
    for (let block = 2; block <= 21; block++) bench.say(`C>a ACK ${block}`);
    bench.say('D>b DATA 1 100');
    expect([...bench.endings.values()].map(({ outcome, bytes }) => [outcome, bytes])).toEqual([
      ['completed', FILE.length],
      ['completed', 100],
    ]);
  });

  test('a storm of them: 20 answers a second', () => {
    start();
    bench.say('C>69 RRQ f octet');
    bench.takeSent();
    for (let i = 0; i < 5000; i++) bench.receive(bench.endpoint('a'), peerKey(`10.1.${i >> 8}.${i & 255}`, 7), hex('0004 0001'));
    expect(bench.takeSent()).toHaveLength(20);
    bench.pass(1000);
    bench.takeSent();
    bench.say('S>a ACK 1');
    expect(texts(bench.sent)).toContain('ERROR 5 unknown transfer ID');
  });
});

describe('FIELD 4.8 a flood of forged requests', () => {
  const forged = (i: number): PeerKey => peerKey(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, 1000 + (i % 1000));

  test('then a client that must get in', () => {
    start();
    for (let i = 0; i < 20_000; i++) bench.receive(bench.listener, forged(i), bytesOf('RRQ f octet blksize=1468'));
    // Bounded, and the client that comes next gets in: see `afterEach`.
    expect(bench.engine.size).toBeLessThanOrEqual(2048);
    expect(bench.endings.size).toBe(20_000 - bench.engine.size);
  });

  test('of which none is answered yet: as bounded', () => {
    start({ answerMs: 50 });
    for (let i = 0; i < 20_000; i++) bench.receive(bench.listener, forged(i), bytesOf('RRQ f octet blksize=1468'));
    expect(bench.engine.size).toBeLessThanOrEqual(2048);
    bench.pass(100);
    expect(bench.sent.length).toBeLessThanOrEqual(2048);
    bench = new Bench({ files: FILES });
  });

  test('while transfers are under way: none of these is given up for them', () => {
    start();
    const fetchers = Array.from(
      { length: 100 },
      (_, i) => new Fetcher(bench, peerKey('192.168.7.50', 1000 + i), bytesOf('RRQ f octet timeout=1')),
    );
    for (const fetcher of fetchers) fetcher.ask();
    for (let round = 0; round < 20; round++) {
      // One step of every transfer, then a thousand forged requests.
      for (const sent of bench.takeSent()) fetchers.find(({ peer }) => peer === sent.to)?.handle(sent);
      for (let i = 0; i < 1000; i++) bench.receive(bench.listener, forged(round * 1000 + i), bytesOf('RRQ g octet tsize=0'));
    }
    deliver(bench, fetchers);
    expect(fetchers.filter(({ state }) => state === 'done')).toHaveLength(100);
    expect(fetchers.every(({ bytes }) => Buffer.compare(bytes, FILE) === 0)).toBe(true);
  });

  test("in a client's own name, address and port: its transfer goes on", () => {
    start();
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf('RRQ f octet')).ask();
    const data = bench.takeSent();
    fetcher.handle(data[0]!);
    for (let i = 0; i < 100; i++) bench.say(`C>69 RRQ ${i % 2 ? 'g' : 'missing'} octet tsize=${i}`);
    deliver(bench, [fetcher]);
    expect(fetcher.state).toBe('done');
    expect(digest(fetcher.bytes)).toBe(digest(FILE));
    expect(bench.endings.get(1)!.outcome).toBe('completed');
  });

  test("in a client's address, from any port: others are not concerned, and what it has proved goes on", () => {
    start();
    const before = new Fetcher(bench, peerKey('192.168.7.20', 6001), bytesOf('RRQ f octet blksize=1468')).ask();
    before.handle(bench.takeSent()[0]!);
    for (let port = 1; port <= 5000; port++) {
      bench.receive(bench.listener, peerKey('192.168.7.20', port), bytesOf('RRQ f octet blksize=1468'));
    }
    expect(bench.engine.size).toBe(1024);
    const other = new Fetcher(bench, peerNamed('D'), bytesOf('RRQ f octet')).ask();
    deliver(bench, [before, other]);
    expect([before.state, other.state]).toEqual(['done', 'done']);
  });

  test("in a client's address, from any port: it gets in all the same, with the place of the oldest of them", () => {
    start({ engine: { unprovenBytes: 10_000_000 } });
    for (let port = 1; port <= 5000; port++) {
      bench.receive(bench.listener, peerKey('192.168.7.20', port), bytesOf('RRQ f octet blksize=1468'));
    }
    bench.takeSent();
    const victim = new Fetcher(bench, peerKey('192.168.7.20', 6000), bytesOf('RRQ f octet blksize=1468')).ask();
    deliver(bench, [victim]);
    expect(victim.state).toBe('done');
    expect(bench.drops).toEqual([]);
  });

  test("in a client's address, where there may be fewer transfers than there are: no more than may be", () => {
    start();
    for (let port = 1; port <= 20; port++) {
      bench.receive(bench.listener, peerKey('192.168.7.20', port), bytesOf('RRQ f octet blksize=1468'));
    }
    bench.engine.limits = { ...ENGINE_LIMITS, transfersPerClient: 2 };
    bench.receive(bench.listener, peerKey('192.168.7.20', 6000), bytesOf('RRQ f octet blksize=1468'));
    expect(bench.engine.size).toBe(2);
    bench.engine.limits = ENGINE_LIMITS;
    bench.pass(20_000);
  });

  test('faster than the control plane works: what was given up counts until it is done with', () => {
    start({ engine: { transfers: 10, unproven: 4 }, answerMs: 500 });
    for (let i = 0; i < 20; i++) bench.receive(bench.listener, forged(i), bytesOf('RRQ f octet'));
    expect([bench.engine.size, bench.requests.length]).toEqual([4, 10]);
    expect(bench.drops).toEqual(Array(10).fill('too-many-transfers'));
    bench.pass(1000);
    for (let i = 20; i < 40; i++) bench.receive(bench.listener, forged(i), bytesOf('RRQ f octet'));
    expect([bench.engine.size, bench.requests.length]).toEqual([4, 16]);
    bench.pass(20_000);
  });

  test('a request that is sent again is counted, and is not a drop', () => {
    start();
    for (let i = 0; i < 3; i++) bench.receive(bench.listener, peerNamed('C'), bytesOf('RRQ f octet'));
    expect([bench.requests.length, bench.counted, bench.drops]).toEqual([1, Array(2).fill('requests.repeated'), []]);
  });

  test('as many transfers as there may be: more are dropped, and those go on', () => {
    start({ engine: { transfers: 10 } });
    for (let i = 0; i < 20; i++) bench.receive(bench.listener, forged(i), bytesOf('RRQ f octet'));
    expect(bench.engine.size).toBe(10);
    expect(bench.drops).toEqual(Array(10).fill('too-many-transfers'));
    bench.pass(10_000);
    expect(bench.engine.size).toBe(0);
  });

  test('many refusals are not remembered for long, nor without bound', () => {
    start();
    for (let i = 0; i < 20_000; i++) bench.receive(bench.listener, forged(i), bytesOf('RRQ missing octet'));
    expect(bench.engine.size).toBe(0);
    expect(bench.endings.size).toBe(20_000);
    bench.pass(30_000);
    expect(bench.engine.nextDeadline).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('random datagrams', () => {
  type Step =
    | { readonly kind: 'datagram'; readonly peer: string; readonly to: number; readonly bytes: Uint8Array }
    | { readonly kind: 'pass'; readonly ms: number };

  const word = fc.constantFrom(
    'f',
    'g',
    'missing',
    'up',
    '',
    '../x',
    '\xff',
    'octet',
    'netascii',
    'mail',
    'blksize',
    'tsize',
    'windowsize',
    'timeout',
  );
  const value = fc.oneof(fc.constantFrom('0', '1', '4', '8', '512', '1468', '65464', '-1', ''), fc.nat(70_000).map(String));
  const request = fc
    .tuple(
      fc.constantFrom(1, 2),
      word,
      fc.constantFrom('octet', 'OCTET', 'netascii', ''),
      fc.array(fc.oneof(word, value), { maxLength: 8 }),
    )
    .map(([opcode, name, mode, rest]) => ascii(`\0${String.fromCharCode(opcode)}${[name, mode, ...rest].join('\0')}\0`));
  const numbered = fc
    .tuple(fc.constantFrom(3, 4, 5, 6), fc.oneof(fc.nat(30), fc.nat(65535)), fc.uint8Array({ maxLength: 600 }))
    .map(([opcode, number, rest]) => Uint8Array.of(0, opcode, number >> 8, number & 255, ...rest));
  const datagram = fc.oneof(request, numbered, numbered, fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 3 }));
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('datagram' as const),
        peer: fc.constantFrom('C', 'D', 'S', 'V', '2001', '2002'),
        to: fc.nat(9),
        bytes: datagram,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.oneof(fc.nat(50), fc.nat(12_000)) }) },
  );

  test.each([
    ['with ports of their own', {}],
    ['with few ports', { endpoints: 2 }],
    ['with a single port', { singlePort: true }],
    ['with a slow control plane', { answerMs: 30, supplyMs: 200, writeMs: 700 }],
  ] as [string, BenchOptions][])('%s: nothing breaks, nothing is started or sent unasked', (_, options) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        start(options);
        const bystander = peerKey('192.168.7.200', 1);
        const fetcher = new Fetcher(bench, bystander, bytesOf('RRQ f octet timeout=1')).ask();
        bench.pass(options.answerMs ?? 0);
        for (const one of bench.takeSent()) fetcher.handle(one);
        const endpoints = [bench.listener, bench.other, ...(options.singlePort ? [] : bench.listener.replies)];
        const heard = new Set<PeerKey>([bystander]);
        const wasted: number[] = [];
        let asked = 1;
        for (const next of steps) {
          if (next.kind === 'pass') bench.pass(next.ms);
          else {
            const to = endpoints[next.to % endpoints.length]!;
            const peer = peerNamed(next.peer);
            heard.add(peer);
            bench.receive(to, peer, next.bytes);
            const packet = decode(next.bytes);
            // Only a request that can be read, to a port that takes requests, starts something; one thing.
            if (to.accepts && (packet?.opcode === Opcode.rrq || packet?.opcode === Opcode.wrq)) asked++;
          }
          expect(bench.requests.length).toBeLessThanOrEqual(asked);
          const sent = bench.takeSent();
          for (const one of sent) {
            expect(heard.has(one.to)).toBe(true);
            const out = decode(one.bytes)!;
            if (out.opcode === Opcode.error && out.code === 5) wasted.push(one.at);
            else expect(bench.requests.some(({ peer }) => peer === one.to)).toBe(true);
            if (one.to === bystander) fetcher.handle(one);
          }
          expect(bench.engine.size).toBeLessThanOrEqual(bench.requests.length);
        }
        for (const at of wasted)
          expect(wasted.filter((other) => other >= at && other < at + 1000).length).toBeLessThanOrEqual(40);
        for (let i = 0; i < 40 && fetcher.state !== 'done'; i++) {
          deliver(bench, [fetcher]);
          bench.pass(250);
        }
        expect(digest(fetcher.bytes)).toBe(digest(FILE));
        bench.expectNothingLeft();
      }),
      { numRuns: 300 },
    );
  });
});
