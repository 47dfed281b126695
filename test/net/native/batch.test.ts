/** What a batch gathers is what arrives, and an inbox takes it as it came: over loopback, at every border of the two. */
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { type PeerKey, peerKey } from '../../../src/base/peer.ts';
import { SEGMENT_BYTES, type Slices } from '../../../src/base/segment.ts';
import { Arena } from '../../../src/net/native/arena.ts';
import { Batch } from '../../../src/net/native/batch.ts';
import { Epoll } from '../../../src/net/native/epoll.ts';
import { INBOX_BYTES, Inbox } from '../../../src/net/native/inbox.ts';
import { C, mustCall, nativeUnavailableReason } from '../../../src/net/native/libc.ts';
import { closeSocket, openSocket } from '../../../src/net/native/socket.ts';
import { makeFlags, Waker } from '../../../src/net/native/wake.ts';
import { heapMib } from '../../kit/heap.ts';
import { seeded } from '../../kit/random.ts';
import { refuseSegmentation } from '../../kit/segmentation.ts';
import { describeWith } from '../../kit/tools.ts';

/** Content as a server holds it: segments of shared memory. */
const segments = Array.from({ length: 4 }, (_, i) => shared(seeded(i + 1).bytes(SEGMENT_BYTES)));
const content = Buffer.concat(segments);
/** Of what a socket holds for a receiver. */
const MOST_BYTES = 2 * 1024 ** 2;

function shared(bytes: Uint8Array): Uint8Array {
  const memory = new Uint8Array(new SharedArrayBuffer(bytes.length));
  memory.set(bytes);
  return memory;
}

/** A block of the content, cut at the border of two segments if need be. */
function sliced(offset: number, length: number, from = segments): Slices {
  const first = from[Math.floor(offset / SEGMENT_BYTES)]!;
  const start = offset % SEGMENT_BYTES;
  const end = Math.min(start + length, SEGMENT_BYTES);
  const secondEnd = length - (end - start);
  const second = secondEnd > 0 ? from[Math.floor(offset / SEGMENT_BYTES) + 1] : undefined;
  return { first, start, end, second, secondEnd };
}

/** The header of block 0. */
const DATA = 0x30000;

function data(block: number, payload: Uint8Array): string {
  return Buffer.concat([Buffer.from([0, 3, block >> 8, block & 255]), payload]).toString('latin1');
}

/** Senders, receivers, and what has come to each as text, and from which sender. */
function link(receivers = 1, senders = 1) {
  const open = () => {
    const socket = openSocket({ address: '127.0.0.1', port: 0 });
    onTestFinished(() => closeSocket(socket.fd));
    return { ...socket, key: peerKey(socket.address, socket.port) };
  };
  const segmentation = { works: true };
  const from = Array.from({ length: senders }, () => ({ ...open(), segmentation, closed: false }));
  const inbox = new Inbox(new Arena(INBOX_BYTES));
  const ends = Array.from({ length: receivers }, open);
  const received = ends.map((): string[] => []);
  const origins = ends.map((): number[] => []);
  const drain = () => {
    for (const [index, { fd }] of ends.entries()) {
      const take = (peer: PeerKey, datagram: Uint8Array) => {
        origins[index]!.push(from.findIndex(({ key }) => key === peer));
        received[index]!.push(Buffer.from(datagram).toString('latin1'));
      };
      while (inbox.receive(fd, take) > 0);
    }
  };
  return { batch: new Batch(), from, to: ends.map(({ key }) => key), received, origins, drain };
}

/** What a server does in one round of its loop. */
type Step =
  | { readonly kind: 'small'; readonly from: number; readonly to: number; readonly length: number }
  /** A window: blocks of equal length, the last one shorter by `short`. */
  | ({
      readonly kind: 'window';
      readonly from: number;
      readonly to: number;
      readonly block: number;
      readonly offset: number;
    } & Window);
interface Window {
  readonly count: number;
  readonly blockSize: number;
  readonly short: number;
}

const step = (senders: number, receivers: number): fc.Arbitrary<Step> =>
  fc.oneof(
    fc.record({
      kind: fc.constant('small' as const),
      from: fc.nat({ max: senders - 1 }),
      to: fc.nat({ max: receivers - 1 }),
      length: fc.integer({ min: 0, max: 600 }),
    }),
    fc
      .record({
        kind: fc.constant('window' as const),
        from: fc.nat({ max: senders - 1 }),
        to: fc.nat({ max: receivers - 1 }),
        block: fc.oneof(fc.nat({ max: 65535 }), fc.integer({ min: 65500, max: 65535 })),
        offset: fc.oneof(fc.nat({ max: 100_000 }), fc.integer({ min: SEGMENT_BYTES - 3000, max: SEGMENT_BYTES + 10 })),
        count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 60, max: 130 })),
        blockSize: fc.constantFrom(8, 512, 1408, 1428, 1468, 1469, 8192, 65464),
        short: fc.oneof(fc.constant(0), fc.nat({ max: 1468 })),
      })
      .map((window) => ({ ...window, count: Math.max(1, Math.min(window.count, Math.floor(150_000 / window.blockSize))) })),
  );

describeWith('batch and inbox', [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }], () => {
  test('any mixture of windows and small datagrams from several sockets to several peers arrives as it was sent, in order', () => {
    const { batch, from, to, received, origins, drain } = link(3, 3);
    fc.assert(
      fc.property(fc.array(step(3, 3), { minLength: 1, maxLength: 40 }), (steps) => {
        const expected = to.map((): string[] => []);
        const expectedOrigins = to.map((): number[] => []);
        let bytes = 0;
        for (const one of steps) {
          if (bytes > MOST_BYTES) break;
          if (one.kind === 'small') {
            const datagram = content.subarray(one.length, 2 * one.length);
            batch.send(from[one.from]!, to[one.to]!, datagram);
            expected[one.to]!.push(datagram.toString('latin1'));
            expectedOrigins[one.to]!.push(one.from);
            continue;
          }
          let { offset } = one;
          for (let i = 0; i < one.count; i++) {
            const length = i < one.count - 1 ? one.blockSize : Math.max(0, one.blockSize - one.short);
            const block = (one.block + i) & 0xffff;
            batch.framed(from[one.from]!, to[one.to]!, DATA + block, sliced(offset, length));
            expected[one.to]!.push(data(block, content.subarray(offset, offset + length)));
            expectedOrigins[one.to]!.push(one.from);
            offset += length;
            bytes += length + 800;
          }
        }
        batch.flush();
        expect(batch.empty).toBe(true);
        drain();
        for (const [index, want] of expected.entries()) expect(received[index]!.splice(0)).toEqual(want);
        for (const [index, want] of expectedOrigins.entries()) expect(origins[index]!.splice(0)).toEqual(want);
      }),
      { numRuns: 60 },
    );
  });

  test('blocks of one window from different sockets: each leaves from its own', () => {
    const { batch, from, to, received, origins, drain } = link(1, 2);
    const blocks = Array.from({ length: 6 }, (_, i) => {
      batch.framed(from[i % 4 < 2 ? 0 : 1]!, to[0]!, DATA + i, sliced(i * 100, 100));
      return data(i, content.subarray(i * 100, i * 100 + 100));
    });
    batch.flush();
    drain();
    expect({ blocks: received[0], origins: origins[0] }).toEqual({ blocks, origins: [0, 0, 1, 1, 0, 0] });
  });

  test('more sockets in turn than messages are gathered: nothing is lost', () => {
    const { batch, from, to, received, origins, drain } = link(1, 64);
    const sent = Array.from({ length: 320 }, (_, i) => {
      batch.send(from[i % 64]!, to[0]!, Buffer.from(`${i}`));
      return `${i}`;
    });
    batch.flush();
    drain();
    expect(received[0]).toEqual(sent);
    expect(origins[0]).toEqual(sent.map((_, i) => i % 64));
  });

  test('more vectors than the kernel takes at once, each block cut at a border: nothing is lost', () => {
    const { batch, from, to, received, drain } = link();
    const expected = Array.from({ length: 900 }, (_, i) => {
      batch.framed(from[0]!, to[0]!, DATA + i, sliced(SEGMENT_BYTES - 100, 200));
      return data(i, content.subarray(SEGMENT_BYTES - 100, SEGMENT_BYTES + 100));
    });
    batch.flush();
    drain();
    expect(received[0]).toEqual(expected);
  });

  test('where the kernel refuses to cut a window up, that window is lost, and blocks go one by one from then on', () => {
    const { batch, from, to, received, drain } = link(2);
    refuseSegmentation(from[0]!.fd);
    const window = (block: number) => {
      for (let i = 0; i < 3; i++) batch.framed(from[0]!, to[0]!, DATA + block + i, sliced(i * 500, 500));
      batch.send(from[0]!, to[1]!, Buffer.from(`beside ${block}`));
      batch.flush();
      drain();
      return received.map((one) => one.splice(0).map((datagram) => datagram.slice(0, 8)));
    };
    expect(window(1)).toEqual([[], ['beside 1']]);
    const blocks = [0, 1, 2].map((i) => data(4 + i, content.subarray(i * 500, i * 500 + 500)).slice(0, 8));
    expect(window(4)).toEqual([blocks, ['beside 4']]);
  });

  test('a slice that its segment does not have: RangeError', () => {
    const { batch, from, to } = link();
    const slices = { ...sliced(0, 100), end: SEGMENT_BYTES + 1 };
    expect(() => batch.framed(from[0]!, to[0]!, DATA + 1, slices)).toThrow(RangeError);
    expect(() => batch.framed(from[0]!, to[0]!, DATA + 1, { ...slices, start: -1, end: 10 })).toThrow(RangeError);
  });

  test('a closed socket sends nothing: its descriptor may belong to another file', () => {
    const { batch, from, to, received, drain } = link();
    batch.send(from[0]!, to[0]!, Buffer.from('before'));
    batch.flush();
    from[0]!.closed = true;
    batch.send(from[0]!, to[0]!, Buffer.from('after'));
    batch.framed(from[0]!, to[0]!, DATA + 1, sliced(0, 100));
    batch.flush();
    drain();
    expect(received[0]).toEqual(['before']);
  });

  test('garbage collected between gathering and sending: the bytes arrive all the same', () => {
    const { batch, from, to, received, drain } = link();
    for (let round = 0; round < 5; round++) {
      const expected = gather(round);
      // Nobody but the batch knows the segments now. Whatever is freed is taken by this.
      for (let turn = 0; turn < 4; turn++) {
        heapMib();
        for (let i = 0; i < 64; i++) new Uint8Array(new SharedArrayBuffer(SEGMENT_BYTES)).fill(0xee);
      }
      batch.flush();
      drain();
      expect(received[0]!.splice(0)).toEqual(expected);
    }

    function gather(seed: number): string[] {
      return Array.from({ length: 16 }, (_, i) => {
        const bytes = seeded(seed * 100 + i + 7).bytes(SEGMENT_BYTES);
        batch.framed(from[0]!, to[0]!, DATA + i, sliced(1000, 1400, [shared(bytes)]));
        return data(i, bytes.subarray(1000, 2400));
      });
    }
  });
});

describeWith('a call that fails', [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }], () => {
  /** Descriptors of the wrong kind: whatever is asked of them is refused, as where a call is denied. */
  const wrong = () => {
    const fd = mustCall('eventfd', 0, C.EFD_NONBLOCK_CLOEXEC);
    onTestFinished(() => closeSocket(fd));
    return fd;
  };

  test('for good: nothing can be received, sent or waited for, and each says so', () => {
    const inbox = new Inbox(new Arena(INBOX_BYTES));
    expect(() => inbox.receive(wrong(), () => {})).toThrow('recvmmsg ENOTSOCK');
    const batch = new Batch();
    batch.send({ fd: wrong(), segmentation: { works: true }, closed: false }, peerKey('127.0.0.1', 9), Buffer.from('x'));
    expect(() => batch.flush()).toThrow('sendmmsg ENOTSOCK');
    expect(() => new Epoll(wrong()).wait(0, () => {})).toThrow('epoll_wait EINVAL');
  });

  test('for one message: the others are sent', () => {
    const { batch, from, to, received, drain } = link();
    batch.send(from[0]!, peerKey('255.255.255.255', 9), Buffer.from('a broadcast, which needs a right'));
    batch.send(from[0]!, to[0]!, Buffer.from('heard'));
    batch.flush();
    drain();
    expect(received).toEqual([['heard']]);
  });
});

describeWith('waiting', [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }], () => {
  test('a readable socket is told as often as it is asked, a wake once', () => {
    const socket = openSocket({ address: '127.0.0.1', port: 0 });
    const epoll = mustCall('epoll_create1', C.EPOLL_CLOEXEC);
    const fd = mustCall('eventfd', 0, C.EFD_NONBLOCK_CLOEXEC);
    onTestFinished(() => [socket.fd, epoll, fd].forEach(closeSocket));
    const readiness = new Epoll(epoll);
    readiness.add(fd, true);
    readiness.add(socket.fd);
    const ready = () => {
      const found: number[] = [];
      readiness.wait(0, (one) => found.push(one));
      return found;
    };
    expect(ready()).toEqual([]);
    const batch = new Batch();
    batch.send(
      { fd: socket.fd, segmentation: { works: true }, closed: false },
      peerKey(socket.address, socket.port),
      Buffer.from('x'),
    );
    batch.flush();
    expect([ready(), ready()]).toEqual([[socket.fd], [socket.fd]]);
    readiness.remove(socket.fd);
    expect(ready()).toEqual([]);
    const waker = new Waker({ fd, flags: makeFlags() });
    waker.wake();
    expect(ready(), 'nobody sleeps').toEqual([]);
    expect([waker.takePosted(), waker.takePosted()]).toEqual([true, false]);
    waker.sleeping = true;
    waker.wake();
    expect([ready(), ready()]).toEqual([[fd], []]);
  });
});
