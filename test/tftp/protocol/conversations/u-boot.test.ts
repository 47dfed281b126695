/** U-Boot, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, test } from 'vitest';
import { type Conversation, converse } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'U-Boot gets its order and its timeout exactly',
      [
        'C>69 RRQ g octet timeout=5 tsize=0 blksize=1468 windowsize=8',
        'C<a OACK timeout=5 tsize=1300 blksize=1468 windowsize=8',
        'C>a ACK 0',
        'C<a DATA 1 1300',
        'C>a ACK 1',
        '= g completed 1300',
      ],
    ],
    [
      'U-Boot with a timeout out of range: left out, not altered',
      ['C>69 RRQ g octet timeout=256 blksize=1468', 'C<a OACK blksize=1468', 'C>a ERROR 0', '= g probed 0: 0 '],
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});
