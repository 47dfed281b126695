/** The boot manager of Windows, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, test } from 'vitest';
import { type Conversation, converse } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'Windows: mstfwindow is not for us',
      [
        'C>69 RRQ g octet tsize=0 blksize=1456 mstfwindow=31416',
        'C<a OACK tsize=1300 blksize=1456',
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
