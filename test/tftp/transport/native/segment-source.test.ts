/** Where segments come from, with a page cache and a content thread of the test's own. */
import { describe, expect, test } from 'vitest';
import { SEGMENT_BYTES } from '../../../../src/base/segment.ts';
import { CacheBudget } from '../../../../src/content/budget.ts';
import { Holders } from '../../../../src/content/holders.ts';
import { Stats } from '../../../../src/stats/stats.ts';
import { NOT_OPEN, type SegmentRead } from '../../../../src/tftp/transport/native/messages.ts';
import { SegmentShelf } from '../../../../src/tftp/transport/native/segment-shelf.ts';
import { SegmentSource } from '../../../../src/tftp/transport/native/segment-source.ts';
import { Slots } from '../../../../src/tftp/transport/native/slots.ts';

const KEPT = 8 * (SEGMENT_BYTES + 512);
const SIZE = 2 * SEGMENT_BYTES + 100;
const error = { code: 0, message: 'file changed' };

/** A machine whose page cache has what `warm` says: each byte of a segment is its index plus one. */
function machine({ warm = () => false, cacheBytes = KEPT }: { warm?: (fd: number) => boolean; cacheBytes?: number } = {}) {
  const slots = new Slots();
  const reads: SegmentRead[] = [];
  const supplied: string[] = [];
  const refused: string[] = [];
  const fetched: string[] = [];
  const lent: Uint8Array[] = [];
  let warmReads = 0;
  const stats = new Stats();
  const source = new SegmentSource({
    budget: new CacheBudget(cacheBytes),
    counters: stats,
    pageCache: {
      read(fd, _version, into, position) {
        if (!warm(fd)) return false;
        warmReads++;
        into.fill(position / SEGMENT_BYTES + 1);
        return true;
      },
    },
    holders: new Holders(),
    fetch: (id, index) => void fetched.push(`${id}: ${index}`),
    supply(id, index, bytes) {
      lent.push(bytes);
      supplied.push(`${id}: ${bytes.length} × ${[...new Set(bytes)]} as ${index}`);
    },
    refuse: (id, { message }) => void refused.push(`${id}: ${message}`),
    tell(message) {
      if (message.kind === 'chunk') slots.add(message.chunk);
      else if (message.kind === 'read') reads.push(message);
      else throw new Error(message.kind);
    },
    grown: () => {},
  });
  const open = (id: number, version = 'v') => source.open(id, { fd: 100 + id, version, size: SIZE });
  /** The content thread's answer to its oldest read. */
  const answer = (failure?: typeof error) => {
    const { slot, position, length } = reads.shift()!;
    if (failure) return source.handle({ kind: 'failed', slot, error: failure });
    slots.bytes(slot, length).fill(position / SEGMENT_BYTES + 1);
    source.handle({ kind: 'filled', slot });
  };
  const openWhole = (id: number, version: string, size = 100) => source.open(id, { fd: NOT_OPEN, version, size });
  return { source, open, openWhole, answer, reads, supplied, refused, fetched, lent, warmReads: () => warmReads };
}

describe('a segment', () => {
  test('that the system has in memory is there at once, and read once while it is kept', () => {
    const at = machine({ warm: () => true });
    at.open(1);
    at.open(2);
    at.source.need(1, 0);
    at.source.need(1, 2);
    at.source.need(2, 0);
    expect(at.supplied).toEqual(['1: 65536 × 1 as 0', '1: 100 × 3 as 2', '2: 65536 × 1 as 0']);
    expect(at.warmReads()).toBe(2);
    expect(at.reads).toEqual([]);
  });

  test('of another version is another segment', () => {
    const at = machine({ warm: () => true });
    at.open(1);
    at.open(2, 'w');
    at.source.need(1, 0);
    at.source.need(2, 0);
    expect(at.warmReads()).toBe(2);
  });

  test('that must be waited for is read once for all who want it meanwhile', () => {
    const at = machine();
    for (const id of [1, 2, 3]) at.open(id);
    for (const id of [1, 2, 3]) at.source.need(id, 1);
    expect(at.reads).toEqual([{ kind: 'read', id: 1, slot: 0, position: SEGMENT_BYTES, length: SEGMENT_BYTES }]);
    expect(at.supplied).toEqual([]);
    at.answer();
    expect(at.supplied).toEqual([1, 2, 3].map((id) => `${id}: 65536 × 2 as 1`));
    at.source.need(2, 1);
    expect(at.supplied).toHaveLength(4);
    expect(at.reads).toEqual([]);
  });

  test('another transfer’s failure is not mine: who waited for it tries by its own descriptor', () => {
    const at = machine({ warm: (fd) => fd === 103 });
    for (const id of [1, 2, 3]) at.open(id);
    for (const id of [1, 2]) at.source.need(id, 0);
    at.answer(error);
    expect(at.refused).toEqual(['1: file changed']);
    expect(at.reads).toMatchObject([{ id: 2 }]);
    at.source.need(3, 0);
    at.answer(error);
    expect(at.refused).toEqual(['1: file changed', '2: file changed']);
    expect(at.supplied).toEqual(['3: 65536 × 1 as 0']);
  });

  test('whose transfer has gone meanwhile is read for the others all the same, and otherwise kept', () => {
    const at = machine();
    for (const id of [1, 2]) at.open(id);
    for (const id of [1, 2]) at.source.need(id, 0);
    at.source.need(1, 1);
    at.source.close(1);
    at.answer();
    at.answer();
    at.source.need(2, 1);
    expect(at.supplied).toContain('2: 65536 × 1 as 0');
    expect(at.supplied).toContain('2: 65536 × 2 as 1');
    expect(at.reads).toEqual([]);
  });

  test('of a transfer that has gone is not read again for it when it failed', () => {
    const at = machine();
    for (const id of [1, 2]) at.open(id);
    for (const id of [1, 2]) at.source.need(id, 0);
    at.source.close(2);
    at.answer(error);
    expect(at.reads).toEqual([]);
    expect(at.refused).toEqual(['1: file changed']);
  });

  test('beyond the end is none', () => {
    const at = machine({ warm: () => true });
    at.open(1);
    at.source.need(1, 3);
    expect(at.supplied).toEqual([]);
  });

  test('that nobody holds leaves its slot to the next, warm or cold, read or failed', () => {
    for (const warm of [true, false]) {
      const at = machine({ warm: () => warm, cacheBytes: 0 });
      at.open(1);
      const used = new Set<number>();
      for (let round = 0; round < 1000; round++) {
        at.source.need(1, round % 3);
        if (!warm) {
          used.add(at.reads[0]!.slot);
          at.answer(round % 5 === 4 ? error : undefined);
        }
        for (const bytes of at.lent.splice(0)) {
          used.add(bytes.byteOffset / SEGMENT_BYTES);
          at.source.release(bytes);
        }
        at.source.endRound();
      }
      expect(used.size).toBe(1);
    }
  });

  test('an answer that nobody waits for is a mistake in the program', () => {
    expect(() => machine().source.handle({ kind: 'filled', slot: 0 })).toThrow(RangeError);
  });
});

describe('segments that must be waited for', () => {
  const MANY = 300;
  const versionOf = (id: number, device = 1) => `${device}:${id}`;

  test('take memory only when they are read, and are all read', () => {
    const at = machine();
    for (let id = 0; id < MANY; id++) {
      at.open(id, versionOf(id));
      at.source.need(id, 0);
    }
    const most = at.reads.length;
    expect(most).toBeLessThan(MANY / 2);
    while (at.reads.length > 0) {
      expect(at.reads.length).toBeLessThanOrEqual(most);
      at.answer();
    }
    expect(at.supplied.length).toBe(MANY);
  });

  test('of a disk that hangs do not hold up those of another', () => {
    const at = machine();
    for (let id = 0; id < MANY; id++) {
      at.open(id, versionOf(id));
      at.source.need(id, 0);
    }
    at.open(MANY, versionOf(MANY, 2));
    at.source.need(MANY, 0);
    expect(at.reads.at(-1)!.id).toBe(MANY);
  });

  test('are read for those who still want them, by a descriptor that is open', () => {
    const at = machine();
    for (let id = 0; id < MANY; id++) {
      at.open(id, versionOf(id));
      at.source.need(id, 0);
    }
    for (const id of [MANY, MANY + 1]) {
      at.open(id, versionOf(MANY));
      at.source.need(id, 0);
    }
    for (let id = 0; id < MANY; id++) if (!at.reads.some((read) => read.id === id)) at.source.close(id);
    at.source.close(MANY);
    const begun = at.reads.length;
    at.answer();
    expect(at.reads.map(({ id }) => id)).toContain(MANY + 1);
    while (at.reads.length > 0) at.answer();
    expect(at.supplied.length).toBe(begun + 2);
  });
});

describe('a file of one segment that the main thread has', () => {
  const whole = (value: number) => new Uint8Array(100).fill(value);

  test('is fetched where it is not kept, and then lent to all that serve this version', () => {
    const at = machine();
    at.openWhole(1, 'v');
    expect(at.source.first(1)).toBeUndefined();
    at.source.need(1, 0);
    expect(at.fetched).toEqual(['1: 0']);
    const bytes = whole(7);
    at.source.keep(1, bytes);
    at.openWhole(2, 'v');
    expect(at.source.first(2)).toBe(bytes);
    at.source.need(1, 0);
    expect(at.supplied).toEqual(['1: 100 × 7 as 0']);
    at.openWhole(3, 'w');
    expect(at.source.first(3)).toBeUndefined();
    expect(at.reads).toEqual([]);
  });

  test('draws what it has, and goes with the segments used least recently', () => {
    const at = machine({ cacheBytes: 3 * (100 + 512) });
    for (const [id, version] of [...'abcd'].entries()) {
      at.openWhole(id, version);
      at.source.keep(id, whole(id));
    }
    expect([0, 1, 2, 3].map((id) => at.source.first(id)?.[0])).toEqual([undefined, 1, 2, 3]);
  });

  test('is held while it is kept or sent, and no longer', () => {
    const freed: ArrayBuffer[] = [];
    const holders = new Holders((memory) => void freed.push(memory));
    const shelf = new SegmentShelf(
      new CacheBudget(2 * (2000 + 512)),
      () => {},
      () => {},
      holders,
    );
    const [first, second, third] = [new Uint8Array(2000), new Uint8Array(2000), new Uint8Array(2000)] as const;
    shelf.keepWhole('a', first);
    shelf.keepWhole('b', second);
    expect(shelf.lend('a', 0)).toBe(first);
    shelf.keepWhole('c', third);
    shelf.keepWhole('d', new Uint8Array(2000));
    expect(freed).toEqual([second.buffer]);
    holders.release(first);
    expect(freed).toEqual([second.buffer, first.buffer]);
  });
});
