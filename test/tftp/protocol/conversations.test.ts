/** Conversations with the clients of FIELD.md §1, as they were measured: what comes in, and what must come out. */
import { describe, expect, test } from 'vitest';
import { decode, encode, Opcode, type Packet } from '../../../src/tftp/protocol/packet.ts';
import {
  Bench,
  type BenchOptions,
  bytesOf,
  digest,
  pattern,
  payloadOf,
  peerNamed,
  type Sent,
  textOf,
  uploaded,
} from '../../kit/bench.ts';
import { deliver, Fetcher } from '../../kit/fetcher.ts';
import { readVectors } from '../../kit/vectors.ts';

const FILES = {
  f: pattern(3000),
  g: pattern(1300, 2),
  empty: pattern(0),
  even: pattern(1024, 3),
  tiny: pattern(5, 4),
  long: pattern(2 * 65464),
};
/** Longer than any pause in these scripts, so that the timer keeps out of them. */
const PATIENT = { transfer: { minTimeoutMs: 3000 } };

type Conversation = [name: string, script: string[], options?: BenchOptions];

describe('reading', () => {
  test.each<Conversation>([
    [
      'EDK2 asks for the size, and says goodbye by ERROR 8; then it asks again, for the file',
      [
        'C>69 RRQ f octet tsize=0 blksize=1468 windowsize=4',
        'C<a OACK tsize=3000 blksize=1468 windowsize=4',
        'C>a ERROR 8 User aborted the transfer',
        '= f probed 0: 8 User aborted the transfer',
        '+3',
        '1025>69 RRQ f octet blksize=1468 windowsize=4',
        '1025<b OACK blksize=1468 windowsize=4',
        '1025>b ACK 0',
        '1025<b DATA 1 1468',
        '1025<b DATA 2 1468',
        '1025<b DATA 3 64',
        '1025>b ACK 3',
        '= f completed 3000',
        // Nothing goes to the closed port.
        '+60000',
      ],
    ],
    [
      'a probe that ends in ERROR 0 is a probe',
      ['C>69 RRQ f octet tsize=0', 'C<a OACK tsize=3000', 'C>a ERROR 0 bye', '= f probed 0: 0 bye'],
    ],
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
      'EDK2 on a path of small MTU: a clamp makes the block smaller, and it takes that',
      [
        'C>69 RRQ g octet tsize=0 blksize=1468 windowsize=4',
        'C<a OACK tsize=1300 blksize=1024 windowsize=4',
        'C>a ACK 0',
        'C<a DATA 1 1024',
        'C<a DATA 2 276',
        'C>a ACK 2',
        '= g completed 1300',
      ],
      { transfer: { blockSize: 1024 } },
    ],
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
    [
      'a file that does not exist: ERROR 1 before any OACK, as PXELINUX needs it; an ACK of our ERROR gets no answer',
      [
        'C>69 RRQ ldlinux.c32 octet tsize=0 blksize=1408',
        'C<a ERROR 1 file not found',
        '= ldlinux.c32 refused 0: 1 file not found',
        'C>a ACK 0',
        'C>a ACK 1',
        'C>a ERROR 0 and back to you',
        '+1000',
        'C>a ACK 0',
        '+60000',
      ],
    ],
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
    const bench = new Bench({ files: FILES, ...options });
    bench.converse(script);
    bench.expectNothingLeft();
  });
});

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
    const bench = new Bench({ files: FILES, ...SINGLE, ...options });
    bench.converse(script);
    bench.expectNothingLeft();
  });
});

describe('writing', () => {
  const UPLOADS = { uploadBytes: 100_000 };

  test.each<Conversation>([
    [
      'without options: ACK 0',
      [
        'C>69 WRQ up octet',
        'C<a ACK 0',
        'C>a DATA 1 512',
        'C<a ACK 1',
        'C>a DATA 2 488',
        'C<a ACK 2',
        '= up completed 1000',
        '+60000',
      ],
    ],
    [
      'curl: with options: OACK',
      [
        'C>69 WRQ up octet tsize=1000 blksize=1428 timeout=6',
        'C<a OACK tsize=1000 blksize=1428 timeout=6',
        'C>a DATA 1 1000',
        'C<a ACK 1',
        '= up completed 1000',
      ],
    ],
    ['an empty file', ['C>69 WRQ up octet tsize=0', 'C<a OACK tsize=0', 'C>a DATA 1 0', 'C<a ACK 1', '= up completed 0']],
    [
      'the last ACK goes out when the file is stored; whoever is impatient is not told before',
      [
        'C>69 WRQ up octet blksize=1024',
        'C<a OACK blksize=1024',
        'C>a DATA 1 1000',
        '+400',
        'C>a DATA 1 1000',
        '+99',
        '+1',
        'C<a ACK 1',
        '= up completed 1000',
      ],
      { writeMs: 500 },
    ],
    [
      'the last ACK was lost: the last DATA once more gets it again, also when all is over',
      [
        'C>69 WRQ up octet',
        'C<a ACK 0',
        'C>a DATA 1 100',
        'C<a ACK 1',
        '= up completed 100',
        '+1000',
        'C>a DATA 1 100',
        'C<a ACK 1',
        '+1000',
        'C>a DATA 1 100',
        'C<a ACK 1',
        // Other than the last: nothing.
        'C>a DATA 2 100',
        'C>a ACK 1',
      ],
    ],
    [
      'the ACK of a block was lost: the timer repeats it, DATA once more does not, and is written once',
      [
        'C>69 WRQ up octet',
        'C<a ACK 0',
        'C>a DATA 1 512',
        'C<a ACK 1',
        // At once it is the echo of an ACK that came twice, and atftp and curl would go on so to the end: the timer answers.
        'C>a DATA 1 512',
        '+1000',
        'C<a ACK 1',
        'C>a DATA 2 512',
        'C<a ACK 2',
        // Older ones are late, not lost.
        'C>a DATA 1 512',
        'C>a DATA 3 1',
        'C<a ACK 3',
        '= up completed 1025',
      ],
    ],
    [
      'the first ACK was lost: the request once more gets it again',
      [
        'C>69 WRQ up octet blksize=1024',
        'C<a OACK blksize=1024',
        '+500',
        'C>69 WRQ up octet blksize=1024',
        'C<a OACK blksize=1024',
        'C>a DATA 1 10',
        'C<a ACK 1',
        '= up completed 10',
      ],
    ],
    [
      'a window has one ACK; a gap is reported once; after the resend everything is there',
      [
        'C>69 WRQ up octet windowsize=4',
        'C<a OACK windowsize=4',
        'C>a DATA 1 512',
        'C>a DATA 2 512',
        'C>a DATA 3 512',
        'C>a DATA 4 512',
        'C<a ACK 4',
        'C>a DATA 5 512',
        'C>a DATA 7 512',
        'C<a ACK 5',
        'C>a DATA 8 512',
        'C>a DATA 6 512',
        'C>a DATA 7 512',
        'C>a DATA 8 512',
        'C>a DATA 9 512',
        'C<a ACK 9',
        'C>a DATA 10 0',
        'C<a ACK 10',
        '= up completed 4608',
      ],
    ],
    [
      'a window of which the end was lost: the timer asks for it',
      [
        'C>69 WRQ up octet windowsize=4',
        'C<a OACK windowsize=4',
        'C>a DATA 1 512',
        'C>a DATA 2 512',
        '+250',
        'C<a ACK 2',
        'C>a DATA 3 512',
        'C>a DATA 4 512',
        'C>a DATA 5 10',
        'C<a ACK 5',
        '= up completed 2058',
      ],
    ],
    [
      'a window of which the end was lost: a block of it once more, after a silence, is the sender asking how far it came',
      [
        'C>69 WRQ up octet windowsize=4',
        'C<a OACK windowsize=4',
        'C>a DATA 1 512',
        'C>a DATA 2 512',
        // At once it is one that came twice.
        'C>a DATA 1 512',
        '+200',
        'C>a DATA 1 512',
        'C<a ACK 2',
        'C>a DATA 2 512',
        'C>a DATA 3 512',
        'C>a DATA 4 512',
        'C>a DATA 5 512',
        'C>a DATA 6 512',
        'C<a ACK 6',
        'C>a DATA 7 512',
        'C>a DATA 8 10',
        'C<a ACK 8',
        '= up completed 3594',
        // That ACK was lost: any block of the last window asks for it, and the whole of it but once.
        '+200',
        'C>a DATA 7 512',
        'C<a ACK 8',
        'C>a DATA 8 10',
      ],
    ],
    [
      'two ACKs in a row were lost: the sender asks by the first block that it has none for',
      [
        'C>69 WRQ up octet windowsize=8',
        'C<a OACK windowsize=8',
        'C>a DATA 1 512',
        'C>a DATA 3 512',
        'C<a ACK 1',
        'C>a DATA 2 512',
        'C>a DATA 3 512',
        'C>a DATA 5 512',
        'C<a ACK 3',
        '+200',
        'C>a DATA 1 512',
        'C<a ACK 3',
        'C>a DATA 4 5',
        'C<a ACK 4',
        '= up completed 1541',
      ],
    ],
    [
      'refused before anything was sent',
      ['C>69 WRQ up octet blksize=1024', 'C<a ERROR 2 uploads are refused', '= up refused 0: 2 uploads are refused', '+60000'],
      { uploadBytes: undefined as never },
    ],
    [
      'too large: ERROR 3 in mid-transfer',
      [
        'C>69 WRQ up octet blksize=32768',
        'C<a OACK blksize=32768',
        'C>a DATA 1 32768',
        'C<a ACK 1',
        'C>a DATA 2 32768',
        'C<a ACK 2',
        'C>a DATA 3 32768',
        'C<a ACK 3',
        'C<a ERROR 3 too large',
        '= up failed 98304: 3 too large',
        'C>a DATA 4 32768',
        '+60000',
      ],
      { uploadBytes: 60_000 },
    ],
    [
      'too large: ERROR 3 in place of the last ACK',
      [
        'C>69 WRQ up octet',
        'C<a ACK 0',
        'C>a DATA 1 101',
        'C<a ERROR 3 too large',
        '= up failed 101: 3 too large',
        'C>a DATA 1 101',
      ],
      { uploadBytes: 100 },
    ],
    [
      'given up by the client',
      [
        'C>69 WRQ up octet',
        'C<a ACK 0',
        'C>a DATA 1 512',
        'C<a ACK 1',
        'C>a ERROR 0 changed my mind',
        '= up aborted 512: 0 changed my mind',
        'C>a DATA 2 100',
        '+60000',
      ],
    ],
    [
      'a block longer than agreed is nobody’s',
      ['C>69 WRQ up octet', 'C<a ACK 0', 'C>a DATA 1 513', 'C>a DATA 1 12', 'C<a ACK 1', '= up completed 12'],
    ],
  ])('%s', (_, script, options) => {
    const bench = new Bench({ files: FILES, ...UPLOADS, ...options });
    bench.converse(script);
    if (bench.ending.outcome === 'completed') expect(digest(bench.stored.get('up'))).toBe(digest(uploaded(bench.ending.bytes)));
    else expect(bench.stored.size).toBe(0);
    bench.expectNothingLeft();
  });
});

describe('searching', () => {
  const SEARCH = [
    'ldlinux.c32.not',
    'pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d',
    'pxelinux.cfg/01-52-54-00-12-34-56',
    ...Array.from({ length: 8 }, (_, i) => `pxelinux.cfg/${'C0A80714'.slice(0, 8 - i)}`),
    'grub.cfg-01-52-54-00-12-34-56',
    'SEP525400123456.cnf.xml',
  ];

  test.each([
    ['from one port', () => 49153],
    ['from a port each', (i: number) => 2000 + i],
  ])('a dozen quick ERROR 1 %s are a healthy boot', (_, port) => {
    const bench = new Bench({ files: { 'pxelinux.cfg/default': pattern(2000) } });
    for (const [i, name] of SEARCH.entries()) {
      bench.receive(bench.listener, peerNamed(String(port(i))), bytesOf(`RRQ ${name} octet tsize=0 blksize=1408`));
      expect(bench.takeSent().map(({ bytes, to }) => [textOf(decode(bytes)!), to])).toEqual([
        ['ERROR 1 file not found', peerNamed(String(port(i)))],
      ]);
    }
    const peer = peerNamed(String(port(SEARCH.length)));
    const fetcher = new Fetcher(bench, peer, bytesOf('RRQ pxelinux.cfg/default octet tsize=0 blksize=1408')).ask();
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(pattern(2000)));
    expect([...bench.endings.values()].map(({ outcome }) => outcome)).toEqual([...SEARCH.map(() => 'refused'), 'completed']);
    bench.expectNothingLeft();
  });
});

describe('the requests of real clients are served', () => {
  const KNOWN = ['blksize', 'windowsize', 'timeout', 'tsize'];

  test.each(readVectors())('$client $kind $name', ({ kind, name, options, bytes }) => {
    const bench = new Bench({ files: { [name]: FILES.f }, uploadBytes: 10_000 });
    bench.receive(bench.listener, peerNamed('C'), bytes);
    const [reply] = bench.sent;
    const words = options
      .filter((option) => KNOWN.includes(option.name))
      .map((option) => `${option.name}=${option.name === 'tsize' && kind === 'RRQ' ? 3000 : option.value}`);
    const first = kind === 'RRQ' ? 'DATA 1 512' : 'ACK 0';
    expect(textOf(decode(reply!.bytes)!)).toBe(words.length > 0 ? `OACK ${words.join(' ')}` : first);
    if (kind === 'WRQ') return;
    const fetcher = new Fetcher(bench, peerNamed('C'), bytes);
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(FILES.f));
    expect(bench.ending.outcome).toBe('completed');
    bench.expectNothingLeft();
  });
});

describe('who acknowledges too often', () => {
  test("51 blocks, every ACK doubled: every DATA once (RFC 1123 §4.2.3.1, the Sorcerer's Apprentice)", () => {
    const bench = new Bench({ files: { f: pattern(50 * 512 + 100) } });
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf('RRQ f octet'), { ackTimes: 2 }).ask();
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(bench.options.files!.f));
    expect(fetcher.blocks).toEqual(Array.from({ length: 51 }, (_, i) => i + 1));
    expect(bench.ending).toMatchObject({ outcome: 'completed', retransmissions: 0 });
    bench.expectNothingLeft();
  });

  test('51 blocks with an OACK, every ACK tenfold, ACK 0 too: every DATA once', () => {
    const bench = new Bench({ files: { f: pattern(50 * 1024) } });
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf('RRQ f octet blksize=1024'), { ackTimes: 10 }).ask();
    deliver(bench, [fetcher]);
    expect(fetcher.blocks).toEqual(Array.from({ length: 51 }, (_, i) => i + 1));
    bench.expectNothingLeft();
  });

  test('windows of 4, every ACK tenfold: a window twice at the most', () => {
    const bench = new Bench({ files: { f: pattern(200 * 512) } });
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf('RRQ f octet windowsize=4'), { ackTimes: 10 }).ask();
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(bench.options.files!.f));
    expect(fetcher.blocks.length).toBeLessThanOrEqual(2 * 201);
    bench.expectNothingLeft();
  });
});

describe('after a time-out, in windows of 4', () => {
  /** A read with these ACKs behind it. What an ACK, or the time, makes it send are the numbers of DATA. */
  function read(blocks: number, acks: readonly number[]) {
    const bench = new Bench({ files: { f: pattern((blocks - 1) * 512 + 5) } });
    const sent = () => bench.takeSent().map(({ bytes }) => (decode(bytes) as { block: number }).block);
    const ack = (block: number) => {
      bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.ack, block }));
      return sent();
    };
    const timeout = () => {
      for (let ms = 0; ms < 1000; ms++) {
        bench.pass(1);
        const blocks = sent();
        if (blocks.length > 0) return blocks;
      }
      return [];
    };
    bench.say('C>69 RRQ f octet windowsize=4');
    sent();
    for (const block of acks) ack(block);
    return { ack, timeout };
  }

  test('one block asks how far the window came, the answer brings the rest', () => {
    const { ack, timeout } = read(100, [0, 4]);
    expect(timeout()).toEqual([5]);
    expect(ack(7)).toEqual([8, 9, 10, 11]);
  });

  test('an ACK from before is no answer', () => {
    const { ack, timeout } = read(100, [0, 4, 8]);
    expect(timeout()).toEqual([9]);
    expect(ack(4)).toEqual([]);
    expect(ack(8)).toEqual([10, 11, 12]);
  });

  test('no answer: single blocks, the first and the last of the flight in turn', () => {
    const { timeout } = read(100, [0, 4]);
    expect(Array.from({ length: 6 }, timeout)).toEqual([[5], [8], [5], [8], [5], [8]]);
  });

  test.each([
    ['the whole flight was lost: the last block makes a gap behind the first', 5, [6, 7, 8, 9]],
    ['the last block but one was lost, and the first question as well', 6, [7, 8, 9, 10]],
    ['the ACK was lost, and the first question as well', 8, [9, 10, 11, 12]],
    ['a client that only repeats its last ACK has heard nothing', 4, [5, 6, 7, 8]],
  ])('%s', (_, heard, rest) => {
    const { ack, timeout } = read(100, [0, 4]);
    expect([timeout(), timeout()]).toEqual([[5], [8]]);
    expect(ack(heard)).toEqual(rest);
  });

  test('a peer that told of a gap, or has the end of the file, gets it all but once', () => {
    const told = read(100, [0]);
    told.ack(3);
    told.ack(4);
    expect(Array.from({ length: 4 }, told.timeout)).toEqual([[5, 6, 7, 8], [8], [5], [8]]);
    const { timeout } = read(8, [0, 4]);
    expect(Array.from({ length: 4 }, timeout)).toEqual([[5, 6, 7, 8], [8], [5], [8]]);
  });

  test('a peer that told of a gap is not asked', () => {
    // 4 was lost, then 9: to EDK2, 8 is where the window would have ended without the first.
    const { ack, timeout } = read(100, [0]);
    expect(ack(3)).toEqual([4, 5, 6, 7]);
    expect(ack(4)).toEqual([8]);
    expect(timeout()).toEqual([5, 6, 7, 8]);
  });

  test('nor is one that has the end of the file', () => {
    const { timeout } = read(8, [0, 4]);
    expect(timeout()).toEqual([5, 6, 7, 8]);
  });
});

describe('EDK2 in a window of 4', () => {
  /**
   * No ACK for an incomplete window; for every block that it has already or that is out of order, one ACK of the last good
   * one, which does not move the window. The first time that each of `lost` comes, it does not. Every packet takes `delayMs`.
   */
  function edk2(lost: readonly number[], delayMs: number): { bench: Bench; blocks: number[] } {
    const bench = new Bench({ files: { f: pattern(999 * 512 + 5) } });
    const missing = new Set(lost);
    const blocks: number[] = [];
    const acks: { at: number; block: number }[] = [];
    let expected = 1;
    let windowEnd = 4;
    const take = (packet: Packet): number | undefined => {
      if (packet.opcode === Opcode.oack) return 0;
      if (packet.opcode !== Opcode.data) return undefined;
      blocks.push(packet.block);
      if (missing.delete(packet.block)) return undefined;
      if (packet.block !== expected) return expected - 1;
      expected++;
      if (packet.block < windowEnd && packet.payload.length === 512) return undefined;
      windowEnd = packet.block + 4;
      return packet.block;
    };
    bench.say('C>69 RRQ f octet windowsize=4');
    const down: Sent[] = [];
    while (bench.endings.size === 0 && bench.now < 60_000 && blocks.length < 100_000) {
      down.push(...bench.takeSent());
      while (down[0] && down[0].at + delayMs <= bench.now) {
        const block = take(decode(down.shift()!.bytes)!);
        if (block !== undefined) acks.push({ at: bench.now + delayMs, block });
      }
      while (acks[0] && acks[0].at <= bench.now) {
        bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.ack, block: acks.shift()!.block }));
      }
      if (delayMs > 0 || bench.sent.length === 0) bench.pass(0.5);
    }
    return { bench, blocks };
  }

  describe.each([0, 0.5, 5, 50])('at %s ms each way', (delayMs) => {
    test.each([
      ['nothing lost', [], 1000],
      // 397, 398, 399 are there, 400 is not: the timer sends 397, the answer is 399.
      ['the last block of a window lost', [400], 1002],
      ['the first block of a window lost', [397], 1008],
      ['a block within a window lost', [398], 1008],
      ['two blocks of a window lost', [398, 400], 1016],
      ['a whole window lost', [397, 398, 399, 400], 1008],
      ['the last block of all lost', [1000], 1008],
      ['a loss in each of three windows running', [397, 402, 407], 1024],
    ])('%s: a window again by the timer and one for each gap, at the most', (_, lost, most) => {
      const { bench, blocks } = edk2(lost, delayMs);
      expect(bench.ending.outcome).toBe('completed');
      expect(new Set(blocks).size).toBe(1000);
      expect(blocks.length).toBeLessThanOrEqual(most);
      bench.expectNothingLeft();
    });
  });

  test('399, 399, 399, 400: the first says that 400 is missing, the others cause nothing', () => {
    const bench = new Bench({ files: { f: pattern(999 * 512 + 5) } });
    const sentFor = (block: number) => {
      bench.takeSent();
      bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.ack, block }));
      return bench.takeSent().map(({ bytes }) => textOf(decode(bytes)!).split(' ')[1]);
    };
    bench.say('C>69 RRQ f octet windowsize=4');
    for (let block = 0; block <= 396; block += 4) sentFor(block);
    bench.pass(19);
    bench.takeSent();
    bench.pass(1);
    expect(bench.takeSent().map(({ bytes }) => (decode(bytes) as { block: number }).block)).toEqual([397]);
    expect([399, 399, 399, 400].map(sentFor)).toEqual([['400', '401', '402', '403'], [], [], ['404']]);
  });
});

describe('longer than 65,535 blocks', () => {
  const FILE = pattern(65_600 * 8 + 3);

  test.each([
    ['rolls over to 0 by default', 'RRQ f octet blksize=8', 0, {}],
    ['rolls over to 1 by config', 'RRQ f octet blksize=8', 1, { rollover: 1 as const }],
    ['rolls over as the client asks', 'RRQ f octet blksize=8 rollover=0', 0, { rollover: 1 as const }],
    ['rolls over to 0 within a window', 'RRQ f octet blksize=8 windowsize=7', 0, {}],
    ['rolls over to 1 within a window', 'RRQ f octet blksize=8 windowsize=7 rollover=1', 1, {}],
  ])('%s', (_, request, rollover, transfer) => {
    const bench = new Bench({ files: { f: FILE }, transfer });
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf(request), { rollover }).ask();
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(FILE));
    expect(fetcher.blocks.slice(65_533, 65_538)).toEqual([65534, 65535, rollover, rollover + 1, rollover + 2]);
    expect(bench.ending).toMatchObject({ outcome: 'completed', bytes: FILE.length, retransmissions: 0 });
    bench.expectNothingLeft();
  });

  test.each([
    [0, 0],
    [1, 1],
  ] as const)('comes in as well, rolling over to %i', (rollover, next) => {
    const bench = new Bench({ uploadBytes: 1e9, transfer: { rollover } });
    bench.say('C>69 WRQ up octet blksize=8');
    const blocks = 65_600;
    for (let block = 1; block <= blocks; block++) {
      const wire = rollover === 0 ? block % 65536 : ((block - 1) % 65535) + 1;
      const payload = FILE.subarray((block - 1) * 8, block === blocks ? (block - 1) * 8 + 3 : block * 8);
      bench.takeSent();
      bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.data, block: wire, payload }));
      const [ack, ...more] = bench.sent;
      if (block === 65_536) expect(textOf(decode(ack!.bytes)!)).toBe(`ACK ${next}`);
      if (!ack || more.length > 0) throw new Error(`${bench.sent.length} answers to block ${block}`);
    }
    expect(digest(bench.stored.get('up'))).toBe(digest(FILE.subarray(0, (blocks - 1) * 8 + 3)));
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
