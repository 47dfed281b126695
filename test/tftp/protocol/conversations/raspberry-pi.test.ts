/** The Raspberry Pi, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, test } from 'vitest';
import { type Conversation, converse, PATIENT } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'Raspberry Pi: one request four times is one transfer; ACKs are padded',
      [
        'C>69 RRQ g octet tsize=0 blksize=1024',
        '+5',
        'C>69 RRQ g octet tsize=0 blksize=1024',
        '+9',
        'C>69 RRQ g octet tsize=0 blksize=1024',
        '+6',
        'C>69 RRQ g octet tsize=0 blksize=1024',
        '+10',
        'C<a OACK tsize=1300 blksize=1024',
        'C>a hex 0004 0000 00000000 00000000 00000000',
        'C<a DATA 1 1024',
        'C>a hex 0004 0001 000000000000000000000000000000000000000000000000',
        'C<a DATA 2 276',
        'C>a hex 0004 0002 0000',
        '= g completed 1300',
        '+60000',
      ],
      { answerMs: 30 },
    ],
    [
      'Raspberry Pi with a quick server: the first reply again to each, and one transfer still',
      [
        'C>69 RRQ g octet',
        'C<a DATA 1 512',
        '+5',
        'C>69 RRQ g octet',
        'C<a DATA 1 512',
        'C>a ACK 1',
        'C<a DATA 2 512',
        '+5',
        'C>69 RRQ g octet',
        'C>a ACK 1',
        'C>a ACK 2',
        'C<a DATA 3 276',
        'C>a ACK 3',
        '= g completed 1300',
      ],
    ],
    [
      'Raspberry Pi acknowledges a block that was not sent yet: nothing is sent, nothing is lost',
      [
        'C>69 RRQ f octet blksize=1024',
        'C<a OACK blksize=1024',
        'C>a ACK 1',
        'C>a ACK 0',
        'C<a DATA 1 1024',
        'C>a ACK 2',
        'C>a ACK 700',
        'C>a ACK 65535',
        'C>a ACK 1',
        'C<a DATA 2 1024',
        'C>a ACK 2',
        'C<a DATA 3 952',
        'C>a ACK 3',
        '= f completed 3000',
      ],
      PATIENT,
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});
