/** shim, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, test } from 'vitest';
import { type Conversation, converse } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'shim: 512-byte blocks, no options',
      [
        'C>69 RRQ g octet',
        'C<a DATA 1 512',
        'C>a ACK 1',
        'C<a DATA 2 512',
        'C>a ACK 2',
        'C<a DATA 3 276',
        'C>a ACK 3',
        '= g completed 1300',
      ],
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});
