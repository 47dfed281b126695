/** What any client may do while it reads. */
import { describe, expect, test } from 'vitest';
import { Bench, payloadOf } from '../../../kit/bench.ts';
import { type Conversation, converse, FILES, PATIENT } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'a probe that ends in ERROR 0 is a probe',
      ['C>69 RRQ f octet tsize=0', 'C<a OACK tsize=3000', 'C>a ERROR 0 bye', '= f probed 0: 0 bye'],
    ],
    [
      'a request that comes once more in the middle of the file is a repetition',
      [
        'C>69 RRQ g octet blksize=1024',
        'C<a OACK blksize=1024',
        'C>a ACK 0',
        'C<a DATA 1 1024',
        'C>69 RRQ g octet blksize=1024',
        'C>a ACK 1',
        'C<a DATA 2 276',
        'C>a ACK 2',
        '= g completed 1300',
      ],
    ],
    [
      'an ERROR of another code to the OACK is no probe',
      ['C>69 RRQ f octet tsize=0', 'C<a OACK tsize=3000', 'C>a ERROR 3 full', '= f aborted 0: 3 full'],
    ],
    ['an ERROR 8 to DATA is no probe', ['C>69 RRQ f octet', 'C<a DATA 1 512', 'C>a ERROR 8 no', '= f aborted 0: 8 no']],
    [
      'a request that was sent twice while the control plane took its time, and comes when all has begun: no second transfer',
      [
        'C>69 RRQ g octet blksize=1024',
        '+2000',
        'C<a OACK blksize=1024',
        'C>a ACK 0',
        'C<a DATA 1 1024',
        '+500',
        'C>69 RRQ g octet blksize=1024',
        'C>a ACK 1',
        'C<a DATA 2 276',
        'C>a ACK 2',
        '= g completed 1300',
      ],
      { answerMs: 2000, ...PATIENT },
    ],
    [
      'a file of whole blocks ends in an empty one',
      [
        'C>69 RRQ even octet',
        'C<a DATA 1 512',
        'C>a ACK 1',
        'C<a DATA 2 512',
        'C>a ACK 2',
        'C<a DATA 3 0',
        'C>a ACK 3',
        '= even completed 1024',
      ],
    ],
    [
      'a file of unknown size has no tsize, and arrives',
      [
        'C>69 RRQ long octet tsize=0 blksize=65464',
        'C<a OACK blksize=65464',
        'C>a ACK 0',
        'C<a DATA 1 65464',
        'C>a ACK 1',
        'C<a DATA 2 65464',
        'C>a ACK 2',
        'C<a DATA 3 0',
        'C>a ACK 3',
        '= long completed 130928',
      ],
      { sizeless: ['long'] },
    ],
    [
      'others acknowledge the OACK of an empty file',
      [
        'C>69 RRQ empty octet tsize=0 blksize=512',
        'C<a OACK blksize=512',
        'C>a ACK 0',
        'C<a DATA 1 0',
        'C>a ACK 1',
        '= empty completed 0',
      ],
    ],
    [
      'an empty file for who asks its size alone: no OACK is left, so DATA 1',
      ['C>69 RRQ empty octet tsize=0', 'C<a DATA 1 0', 'C>a ACK 1', '= empty completed 0'],
    ],
    [
      'firmware that runs what it has loaded owes the last ACK',
      [
        'C>69 RRQ g octet blksize=1024',
        'C<a OACK blksize=1024',
        'C>a ACK 0',
        'C<a DATA 1 1024',
        'C>a ACK 1',
        'C<a DATA 2 276',
        '+4999',
        'C<a DATA 2 276',
        '+1',
        '= g completed 1024, last ACK missing',
        '+60000',
      ],
      PATIENT,
    ],
    [
      'a stranger is told off, and the transfer goes on',
      [
        'C>69 RRQ g octet',
        'C<a DATA 1 512',
        'S>a ACK 1',
        'S<a ERROR 5 unknown transfer ID',
        'C>a ACK 1',
        'C<a DATA 2 512',
        'S>a DATA 2 512',
        'S<a ERROR 5 unknown transfer ID',
        'S>a ERROR 0 die',
        'C>a ACK 2',
        'C<a DATA 3 276',
        'C>a ACK 3',
        '= g completed 1300',
      ],
    ],
    [
      "another port of the client's own address is a stranger, too",
      [
        'C>69 RRQ tiny octet',
        'C<a DATA 1 5',
        '1025>a ACK 1',
        '1025<a ERROR 5 unknown transfer ID',
        'C>a ACK 1',
        '= tiny completed 5',
      ],
    ],
    [
      'a duplicate of a request that the network kept for a while: ignored while it is the same second, harmless after',
      [
        'C>69 RRQ g octet',
        'C<a DATA 1 512',
        'C>a ACK 1',
        'C<a DATA 2 512',
        '+999',
        'C>69 RRQ g octet',
        '+1',
        'C>69 RRQ g octet',
        'C<b DATA 1 512',
        'C>a ACK 2',
        'C<a DATA 3 276',
        'C>a ACK 3',
        '= g completed 1300',
        '+2999',
        '+1',
        'C<b DATA 1 512',
        '+7000',
        '= g failed 0: 0 no answer from the client',
      ],
      PATIENT,
    ],
    [
      'a ROM asks for something else from the same port: the old transfer ends when the new one is proved',
      [
        'C>69 RRQ f octet',
        'C<a DATA 1 512',
        'C>a ACK 1',
        'C<a DATA 2 512',
        'C>69 RRQ g octet',
        'C<b DATA 1 512',
        'C>a ACK 2',
        'C<a DATA 3 512',
        'C>b ACK 1',
        '= f aborted 1024: 0 the client asked for something else',
        'C<b DATA 2 512',
        // A late ACK of the old one finds whom it belongs to, and that is all.
        'C>a ACK 3',
        'C>b ACK 2',
        'C<b DATA 3 276',
        'C>b ACK 3',
        '= g completed 1300',
      ],
      PATIENT,
    ],
    [
      'a forged request kills nothing',
      [
        'C>69 RRQ g octet',
        'C<a DATA 1 512',
        'C>a ACK 1',
        'C<a DATA 2 512',
        'C>69 RRQ forged octet',
        'C<b ERROR 1 file not found',
        '= forged refused 0: 1 file not found',
        'C>69 RRQ even octet',
        'C<c DATA 1 512',
        // The victim knows nothing of that, and says so.
        'C>c ERROR 5 unknown transfer ID',
        '= even aborted 0: 5 unknown transfer ID',
        'C>a ACK 2',
        'C<a DATA 3 276',
        'C>a ACK 3',
        '= g completed 1300',
      ],
      PATIENT,
    ],
    [
      'two listeners are two servers: the same request at both is two transfers, and each answers from its own ports',
      [
        'C>69 RRQ tiny octet',
        'C<a DATA 1 5',
        'C>70 RRQ tiny octet',
        'C<b DATA 1 5',
        'C>b ACK 1',
        '= tiny completed 5',
        'C>a ACK 1',
        '= tiny completed 5',
      ],
    ],
    [
      'two listeners with a port each for transfers: one more from the same client takes its own listener’s, not the other’s',
      [
        'C>69 RRQ tiny octet',
        'C<a DATA 1 5',
        'C>70 RRQ g octet',
        'C<b DATA 1 512',
        'C>a ACK 1',
        '= tiny completed 5',
        'C>70 RRQ f octet',
        '= g aborted 0: 0 the client asked for something else',
        'C<b DATA 1 512',
        'C>b ERROR 0 x',
        '= f aborted 0: 0 x',
      ],
      { endpoints: 1 },
    ],
    [
      'IPv6',
      [
        'V>69 RRQ tiny octet blksize=1228',
        'V<a OACK blksize=1228',
        'V>a ACK 0',
        'V<a DATA 1 5',
        'V>a ACK 1',
        '= tiny completed 5',
      ],
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});

test('what was read and what the control plane is told: the ending has everything', () => {
  const bench = new Bench({ files: FILES });
  bench.say('C>69 RRQ g octet tsize=0 blksize=1024 timeout=3 foo=bar');
  bench.pass(40);
  bench.say('C>a ACK 0');
  bench.pass(100);
  expect(bench.engine.progress()).toEqual([{ id: 1, bytes: 0, size: 1300, retransmissions: 0, rttMs: 40 }]);
  bench.pass(1);
  bench.say('C>a ACK 1');
  bench.say('C>a ACK 2');
  expect(bench.ending).toMatchObject({
    outcome: 'completed',
    bytes: 1300,
    durationMs: 141,
    retransmissions: 0,
    lastAckMissing: false,
    error: undefined,
    agreement: { blockSize: 1024, windowSize: 1, timeoutMs: 3000, rollover: 0 },
  });
  expect(bench.ending.rttMs).toBeGreaterThan(0);
  expect(bench.sent.map((sent) => payloadOf(sent).length)).toHaveLength(3);
});
