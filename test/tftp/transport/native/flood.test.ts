/** Strays and the main thread: what the data thread drops it counts, and says nothing of. */
import { expect, onTestFinished, test } from 'vitest';
import { CacheBudget } from '../../../../src/content/budget.ts';
import { nativeUnavailableReason } from '../../../../src/net/native/libc.ts';
import { closeSocket, openSocket } from '../../../../src/net/native/socket.ts';
import { COUNTER_NAMES } from '../../../../src/stats/counters.ts';
import { Stats } from '../../../../src/stats/stats.ts';
import type { FromData } from '../../../../src/tftp/transport/native/messages.ts';
import { Threads } from '../../../../src/tftp/transport/native/threads.ts';
import { until } from '../../../kit/lab.ts';
import { ENGINE_LIMITS } from '../../../kit/limits.ts';
import { ack, Peer, rrq } from '../../../kit/tftp.ts';
import { describeWith } from '../../../kit/tools.ts';

const LISTENING = 1;
const DATA = 2;
const ROUNDS = 100;
/** Of each kind in a round: a socket holds them all. */
const TOGETHER = 20;

const needs = [{ what: 'native transport', met: nativeUnavailableReason() === undefined }];

describeWith('a flood of strays', needs, () => {
  test('is counted to the last datagram, and costs the main thread no message', async () => {
    const stats = new Stats();
    const messages: FromData[] = [];
    const threads = new Threads({
      limits: { ...ENGINE_LIMITS, transfers: 0 },
      firstId: 1,
      budget: new CacheBudget(2 ** 20).share(),
      stats,
      onMessage: (message) => void messages.push(message),
      onFileReleased() {},
      onExit: (error) => expect.unreachable(String(error)),
    });
    await threads.loaded;
    const sockets = [LISTENING, DATA].map(() => openSocket({ address: '127.0.0.1', port: 0 }));
    onTestFinished(async () => {
      await threads.end();
      for (const { fd } of sockets) closeSocket(fd);
    });
    for (const [i, { fd, address, port }] of sockets.entries())
      threads.post({ kind: 'endpoint', endpoint: i + 1, fd, address, port });
    threads.post({ kind: 'replies', endpoint: LISTENING, replies: [DATA] });
    threads.post({ kind: 'accepts', endpoint: LISTENING, accepts: true });
    await using peer = await Peer.open();
    const [listening, data] = sockets;
    const counted = () => Object.entries(stats.snapshot().counters).filter(([, count]) => count > 0);
    for (let round = 1; round <= ROUNDS; round++) {
      for (let i = 0; i < TOGETHER; i++) {
        peer.send(listening!, Buffer.from('no TFTP'));
        peer.send(listening!, rrq('file'));
        peer.send(data!, rrq('file'));
        peer.send(data!, ack(i));
      }
      const all = round * TOGETHER;
      await until(() => counted().reduce((sum, [, count]) => sum + count, 0) >= 4 * all, 'every stray counted');
    }
    const each = ROUNDS * TOGETHER;
    expect(stats.snapshot().counters).toEqual({
      ...Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])),
      ...{
        'drops.malformed': each,
        'drops.too-many-transfers': each,
        'drops.not-listening': each,
        'drops.unknown-transfer': each,
      },
    });
    expect(stats.takeSample('unknown-transfer')).toBeDefined();
    // Whatever it had said is here when this is.
    threads.post({ kind: 'settle', call: 1 });
    await until(() => messages.length > 0, 'the answer');
    expect(messages).toEqual([{ kind: 'done', call: 1 }]);
  });
});
