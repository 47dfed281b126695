import { describe, expect, test } from 'vitest';
import { bytesContent } from '../../src/content/bytes.ts';
import type { Content, Sink } from '../../src/content/content.ts';
import { netasciiContent, netasciiSink } from '../../src/tftp/netascii.ts';
import { encodeNetascii } from '../../src/tftp/protocol/netascii.ts';
import { all } from '../content/fixture.ts';

/** Text of some segments with a line end on every border, and its source, which counts. */
function source(bytes: number) {
  const local = Buffer.alloc(bytes, 'line one\nline\rtwo\n');
  const asked: number[] = [];
  const content = bytesContent(local);
  const counted: Content = {
    size: bytes,
    read(offset, length) {
      asked.push(offset);
      return content.read(offset, length);
    },
    close() {
      asked.push(-1);
    },
  };
  return { counted, asked, netascii: Buffer.from(encodeNetascii(local)) };
}

describe('content', () => {
  test.each([0, 1, 9, 65535, 65536, 65537, 200_000])('of %d bytes, in whatever reads', async (bytes) => {
    const { netascii } = source(bytes);
    for (const length of [65536, 1468, 100_000]) {
      const content = netasciiContent(source(bytes).counted);
      expect(content.size).toBeUndefined();
      expect(netascii.equals(await all(content, length))).toBe(true);
    }
  });

  test('the last segment can be read again without reading the file again', async () => {
    const { counted, asked, netascii } = source(300_000);
    const content = netasciiContent(counted);
    for (let offset = 0; offset < netascii.length; offset += 65536) {
      for (let again = 0; again < 3; again++) {
        expect(netascii.subarray(offset, offset + 65536).equals(await content.read(offset, 65536))).toBe(true);
      }
    }
    expect(asked).toEqual([0, 65536, 131072, 196608, 262144]);
  });

  test('reads that overlap, skip and go back are right as well', async () => {
    const { counted, netascii } = source(300_000);
    const content = netasciiContent(counted);
    const offsets = [0, 65536, 131072, 65536, 250_000, 10, 0, 299_999, 400_000, 65536];
    const reads = await Promise.all(offsets.map((offset) => content.read(offset, 70_000)));
    for (const [i, offset] of offsets.entries()) expect(netascii.subarray(offset, offset + 70_000).equals(reads[i]!)).toBe(true);
  });

  test('a failed read fails alone, and close is passed on', async () => {
    const { counted, asked } = source(100);
    let fail = true;
    const content = netasciiContent({
      size: 100,
      close: () => counted.close(),
      read(offset, length) {
        if (!fail) return counted.read(offset, length);
        fail = false;
        throw new Error('once');
      },
    });
    await expect(content.read(0, 10)).rejects.toThrow('once');
    expect((await content.read(0, 10)).length).toBe(10);
    await content.close();
    expect(asked.at(-1)).toBe(-1);
  });
});

describe('sink', () => {
  function target() {
    const events: string[] = [];
    const sink: Sink = {
      write: (bytes) => void events.push(`write ${JSON.stringify(Buffer.from(bytes).toString())}`),
      commit: () => void events.push('commit'),
      abort: () => void events.push('abort'),
    };
    return { events, sink: netasciiSink(sink) };
  }

  test('stores local text, a pair split between blocks too', async () => {
    const { events, sink } = target();
    await sink.write(Buffer.from('a\r'));
    await sink.write(Buffer.from('\nb\r\0c'));
    await sink.commit();
    expect(events).toEqual(['write "a"', 'write "\\nb\\rc"', 'commit']);
  });

  test('a CR at the very end is stored before the commit', async () => {
    const { events, sink } = target();
    await sink.write(Buffer.from('a\r'));
    await sink.commit();
    expect(events).toEqual(['write "a"', 'write "\\r"', 'commit']);
  });

  test('an abort is passed on', async () => {
    const { events, sink } = target();
    await sink.write(Buffer.from('a\r'));
    await sink.abort();
    expect(events).toEqual(['write "a"', 'abort']);
  });
});
