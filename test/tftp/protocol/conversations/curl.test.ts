/** curl, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, test } from 'vitest';
import { type Conversation, converse } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'curl takes the OACK of an empty file for the whole of it; there is no tsize=0 in it',
      [
        'C>69 RRQ empty octet tsize=0 blksize=512 timeout=6',
        'C<a OACK blksize=512 timeout=6',
        '+9999',
        'C<a OACK blksize=512 timeout=6',
        '+1',
        '= empty completed 0, last ACK missing',
        '+60000',
      ],
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});
