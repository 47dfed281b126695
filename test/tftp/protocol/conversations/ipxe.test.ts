/** iPXE, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, test } from 'vitest';
import { type Conversation, converse } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'iPXE sends multicast with an empty value',
      [
        'C>69 RRQ g octet blksize=1432 tsize=0 multicast=',
        'C<a OACK blksize=1432 tsize=1300',
        'C>a ACK 0',
        'C<a DATA 1 1300',
        'C>a ACK 1',
        '= g completed 1300',
      ],
    ],
    [
      'iPXE asks again after half a second, while the control plane still thinks: one transfer, one OACK',
      [
        'C>69 RRQ g octet blksize=1432 tsize=0',
        '+500',
        'C>69 RRQ g octet blksize=1432 tsize=0',
        '+200',
        'C<a OACK blksize=1432 tsize=1300',
        'C>a ACK 0',
        'C<a DATA 1 1300',
        'C>a ACK 1',
        '= g completed 1300',
      ],
      { answerMs: 700 },
    ],
    [
      'iPXE asks again since the OACK was lost: the same OACK from the same port',
      [
        'C>69 RRQ g octet blksize=1432 tsize=0',
        'C<a OACK blksize=1432 tsize=1300',
        '+500',
        'C>69 RRQ g octet blksize=1432 tsize=0',
        'C<a OACK blksize=1432 tsize=1300',
        // Once more was enough: no timer.
        '+5000',
        'C>a ACK 0',
        'C<a DATA 1 1300',
        'C>a ACK 1',
        '= g completed 1300',
      ],
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});
