/** The requests that real clients sent, as they were recorded. */
import { describe, expect, test } from 'vitest';
import { decode } from '../../../../src/tftp/protocol/packet.ts';
import { Bench, digest, peerNamed, textOf } from '../../../kit/bench.ts';
import { deliver, Fetcher } from '../../../kit/fetcher.ts';
import { readVectors } from '../../../kit/vectors.ts';
import { FILES } from './conversation.ts';

describe('the requests of real clients are served', () => {
  const KNOWN = ['blksize', 'windowsize', 'timeout', 'tsize'];

  test.each(readVectors())('$client $kind $name', ({ kind, name, options, bytes }) => {
    const bench = new Bench({ files: { [name]: FILES.f }, uploadBytes: 10_000 });
    bench.receive(bench.listener, peerNamed('C'), bytes);
    const [reply] = bench.sent;
    const words = options
      .filter((option) => KNOWN.includes(option.name))
      .map((option) => `${option.name}=${option.name === 'tsize' && kind === 'RRQ' ? 3000 : option.value}`);
    const first = kind === 'RRQ' ? 'DATA 1 512' : 'ACK 0';
    expect(textOf(decode(reply!.bytes)!)).toBe(words.length > 0 ? `OACK ${words.join(' ')}` : first);
    if (kind === 'WRQ') return;
    const fetcher = new Fetcher(bench, peerNamed('C'), bytes);
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(FILES.f));
    expect(bench.ending.outcome).toBe('completed');
    bench.expectNothingLeft();
  });
});
