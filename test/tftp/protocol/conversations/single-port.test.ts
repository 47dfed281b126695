/** Single-port mode: everything leaves from the port that requests come to. */
import { describe, test } from 'vitest';
import { type Conversation, converse, PATIENT } from './conversation.ts';

describe('single-port mode', () => {
  const SINGLE = { singlePort: true, ...PATIENT };

  test.each<Conversation>([
    [
      'everything comes from the port that was asked',
      [
        'C>69 RRQ g octet blksize=1024',
        'C<69 OACK blksize=1024',
        'C>69 ACK 0',
        'C<69 DATA 1 1024',
        'C>69 ACK 1',
        'C<69 DATA 2 276',
        'C>69 ACK 2',
        '= g completed 1300',
        'C>69 RRQ missing octet',
        'C<69 ERROR 1 file not found',
        '= missing refused 0: 1 file not found',
        'C>69 ACK 0',
        'C>69 RRQ tiny octet',
        'C<69 DATA 1 5',
        'C>69 ACK 1',
        '= tiny completed 5',
      ],
    ],
    [
      'two clients do not meet',
      [
        'C>69 RRQ g octet blksize=1024',
        'C<69 OACK blksize=1024',
        'D>69 RRQ tiny octet',
        'D<69 DATA 1 5',
        'C>69 ACK 0',
        'C<69 DATA 1 1024',
        'D>69 ACK 1',
        '= tiny completed 5',
        'C>69 ACK 1',
        'C<69 DATA 2 276',
        'C>69 ACK 2',
        '= g completed 1300',
      ],
    ],
    [
      'a request that is repeated is one transfer',
      [
        'C>69 RRQ g octet blksize=1024',
        'C<69 OACK blksize=1024',
        '+9',
        'C>69 RRQ g octet blksize=1024',
        'C<69 OACK blksize=1024',
        'C>69 ACK 0',
        'C<69 DATA 1 1024',
        'C>69 RRQ g octet blksize=1024',
        'C>69 ACK 1',
        'C<69 DATA 2 276',
        'C>69 ACK 2',
        '= g completed 1300',
      ],
    ],
    [
      'and still is when the whole file was sent: on one port the last ACK cannot be late',
      [
        'C>69 RRQ tiny octet blksize=1024',
        'C<69 OACK blksize=1024',
        'C>69 ACK 0',
        'C<69 DATA 1 5',
        'C>69 RRQ tiny octet blksize=1024',
        'C>69 ACK 1',
        '= tiny completed 5',
      ],
    ],
    [
      'a different request takes the place of the old one at once, as there is one port',
      [
        'C>69 RRQ f octet',
        'C<69 DATA 1 512',
        'C>69 ACK 1',
        'C<69 DATA 2 512',
        'C>69 RRQ tiny octet',
        '= f aborted 512: 0 the client asked for something else',
        'C<69 DATA 1 5',
        'C>69 ACK 1',
        '= tiny completed 5',
      ],
    ],
    [
      '… at once, though the control plane still thinks about the new one',
      [
        'C>69 RRQ f octet',
        '+100',
        'C<69 DATA 1 512',
        'C>69 ACK 1',
        'C<69 DATA 2 512',
        'C>69 RRQ tiny octet',
        '= f aborted 512: 0 the client asked for something else',
        'C>69 ACK 2',
        'C>69 ERROR 0 late',
        '+100',
        'C<69 DATA 1 5',
        'C>69 ACK 1',
        '= tiny completed 5',
      ],
      { answerMs: 100 },
    ],
    [
      'a stranger gets ERROR 5 from there',
      [
        'S>69 ACK 1',
        'S<69 ERROR 5 unknown transfer ID',
        'S>69 ERROR 0 x',
        'C>69 RRQ tiny octet',
        'C<69 DATA 1 5',
        'S>69 ACK 1',
        'S<69 ERROR 5 unknown transfer ID',
        'C>69 ACK 1',
        '= tiny completed 5',
      ],
    ],
  ])('%s', (_, script, options) => {
    converse(script, { ...SINGLE, ...options });
  });
});
