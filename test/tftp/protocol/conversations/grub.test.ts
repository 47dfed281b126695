/** GRUB, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, test } from 'vitest';
import { type Conversation, converse } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'GRUB says goodbye in mid-file',
      [
        'C>69 RRQ f octet blksize=1024 tsize=0',
        'C<a OACK blksize=1024 tsize=3000',
        'C>a ACK 0',
        'C<a DATA 1 1024',
        'C>a ACK 1',
        'C<a DATA 2 1024',
        'C>a ERROR 0 closed',
        '= f aborted 1024: 0 closed',
        '+60000',
      ],
    ],
    [
      'GRUB says goodbye when it has every byte: no failure',
      [
        'C>69 RRQ g octet blksize=1024 tsize=0',
        'C<a OACK blksize=1024 tsize=1300',
        'C>a ACK 0',
        'C<a DATA 1 1024',
        'C>a ACK 1',
        'C<a DATA 2 276',
        'C>a ERROR 0 closed',
        '= g completed 1024, last ACK missing',
        '+60000',
      ],
    ],
    [
      'GRUB says goodbye after the last ACK: nobody is there to hear it',
      [
        'C>69 RRQ tiny octet blksize=1024 tsize=0',
        'C<a OACK blksize=1024 tsize=5',
        'C>a ACK 0',
        'C<a DATA 1 5',
        'C>a ACK 1',
        '= tiny completed 5',
        'C>a ERROR 0 closed',
        '+60000',
      ],
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});
