/** SLOF, the firmware of PowerPC machines, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, test } from 'vitest';
import { type Conversation, converse } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'SLOF has one port for everything: its last ACK waits in another socket while it asks for the same file again',
      [
        'C>69 RRQ g octet blksize=1024',
        'C<a OACK blksize=1024',
        'C>a ACK 0',
        'C<a DATA 1 1024',
        'C>a ACK 1',
        'C<a DATA 2 276',
        'C>69 RRQ g octet blksize=1024',
        'C<b OACK blksize=1024',
        'C>a ACK 2',
        '= g completed 1300',
        'C>b ACK 0',
        'C<b DATA 1 1024',
      ],
    ],
    [
      'SLOF uses one port for everything: the next file, and the same one again, are new transfers',
      [
        '2001>69 RRQ tiny octet blksize=1428',
        '2001<a OACK blksize=1428',
        '2001>a ACK 0',
        '2001<a DATA 1 5',
        '2001>a ACK 1',
        '= tiny completed 5',
        '2001>69 RRQ g octet blksize=1428',
        '2001<b OACK blksize=1428',
        '2001>b ACK 0',
        '2001<b DATA 1 1300',
        '2001>b ACK 1',
        '= g completed 1300',
        '2001>69 RRQ g octet blksize=1428',
        '2001<c OACK blksize=1428',
        '2001>c ACK 0',
        '2001<c DATA 1 1300',
        '2001>c ACK 1',
        '= g completed 1300',
      ],
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});
