/** PXELINUX, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, expect, test } from 'vitest';
import { decode } from '../../../../src/tftp/protocol/packet.ts';
import { Bench, bytesOf, digest, pattern, peerNamed, textOf } from '../../../kit/bench.ts';
import { deliver, Fetcher } from '../../../kit/fetcher.ts';
import { type Conversation, converse } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'a file that does not exist: ERROR 1 before any OACK, as PXELINUX needs it; an ACK of our ERROR gets no answer',
      [
        'C>69 RRQ ldlinux.c32 octet tsize=0 blksize=1408',
        'C<a ERROR 1 file not found',
        '= ldlinux.c32 refused 0: 1 file not found',
        'C>a ACK 0',
        'C>a ACK 1',
        'C>a ERROR 0 and back to you',
        '+1000',
        'C>a ACK 0',
        '+60000',
      ],
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});

describe('searching', () => {
  const SEARCH = [
    'ldlinux.c32.not',
    'pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d',
    'pxelinux.cfg/01-52-54-00-12-34-56',
    ...Array.from({ length: 8 }, (_, i) => `pxelinux.cfg/${'C0A80714'.slice(0, 8 - i)}`),
    'grub.cfg-01-52-54-00-12-34-56',
    'SEP525400123456.cnf.xml',
  ];

  test.each([
    ['from one port', () => 49153],
    ['from a port each', (i: number) => 2000 + i],
  ])('a dozen quick ERROR 1 %s are a healthy boot', (_, port) => {
    const bench = new Bench({ files: { 'pxelinux.cfg/default': pattern(2000) } });
    for (const [i, name] of SEARCH.entries()) {
      bench.receive(bench.listener, peerNamed(String(port(i))), bytesOf(`RRQ ${name} octet tsize=0 blksize=1408`));
      expect(bench.takeSent().map(({ bytes, to }) => [textOf(decode(bytes)!), to])).toEqual([
        ['ERROR 1 file not found', peerNamed(String(port(i)))],
      ]);
    }
    const peer = peerNamed(String(port(SEARCH.length)));
    const fetcher = new Fetcher(bench, peer, bytesOf('RRQ pxelinux.cfg/default octet tsize=0 blksize=1408')).ask();
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(pattern(2000)));
    expect([...bench.endings.values()].map(({ outcome }) => outcome)).toEqual([...SEARCH.map(() => 'refused'), 'completed']);
    bench.expectNothingLeft();
  });
});
