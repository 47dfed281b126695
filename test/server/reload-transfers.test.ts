/**
 * What a reload means for transfers that are under way.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { definePlugin } from '../../src/index.ts';
import { resolveConfig } from '../kit/config.ts';
import { lab, until } from '../kit/lab.ts';
import { letterConfig, STATE_BYTES } from '../kit/letter-config.ts';
import { seeded } from '../kit/random.ts';
import { reloadingLab } from '../kit/reloading.ts';
import { slowRead } from '../kit/slow-read.ts';
import { ack, get, Peer, rrq } from '../kit/tftp.ts';

describe('what it means for transfers', () => {
  test('each goes on under the plugins that it began with, whose end comes after its own', async () => {
    const at = await reloadingLab({ config: letterConfig('A') });
    const letters = ['A', 'B', 'C', 'D'];
    const transfers: ReturnType<typeof slowRead>[] = [];
    for (const [i, letter] of letters.entries()) {
      if (i > 0) {
        const reloaded = at.nextReload();
        at.save(letterConfig(letter));
        expect((await reloaded).draining).toBe(i);
      }
      const transfer = slowRead(at.address, 'state');
      await transfer.started;
      transfers.push(transfer);
    }
    expect((await at.server.exchanges()).map(({ generation }) => generation)).toEqual([1, 2, 3, 4]);
    expect(at.board.notes).toEqual(letters.map((letter) => `setup ${letter}`));
    for (const i of [2, 0, 1, 3]) {
      const { bytes } = await transfers[i]!.goOn();
      expect(bytes.equals(Buffer.alloc(STATE_BYTES, letters[i]))).toBe(true);
      if (i < 3) await until(() => at.board.notes.at(-1) === `dispose ${letters[i]}`, `end of ${letters[i]}`);
    }
    expect(at.board.notes).not.toContain('dispose D');
  });

  test('a hundred reloads a second during a hundred transfers', { timeout: 60_000 }, async () => {
    const bytes = seeded(5).bytes(150_000);
    const at = await lab({ tftp: { limits: { transfersPerClient: 200 } } });
    at.put('ROOT/file', bytes);
    let [made, disposed] = [0, 0];
    const counting = definePlugin({
      name: 'counting',
      setup(_, { onDispose }) {
        made++;
        onDispose(() => void disposed++);
        return {};
      },
    });
    const config = (i: number) =>
      resolveConfig(
        {
          rootDir: 'ROOT',
          stableMs: 0,
          tftp: {
            listen: [{ address: '127.0.0.1', port: 0 }],
            limits: { transfers: 1000 + i },
          },
          plugins: [counting()],
        },
        { dir: at.path },
      );
    const pace = () => pause(1 + Math.random() * 20);
    const reading = Promise.all(
      Array.from({ length: 100 }, () =>
        get(at.address, 'file', { options: { blksize: 1468, windowsize: 4 }, pace, retryMs: 4000 }),
      ),
    );
    let ended = false;
    void reading.finally(() => {
      ended = true;
    });
    const begun = performance.now();
    let reloads = 0;
    while (!ended) {
      await at.server.reload(config(++reloads));
      await pause(Math.max(0, begun + reloads * 10 - performance.now()));
    }
    const all = await reading;
    expect(all.filter((got) => got.error || !got.bytes.equals(bytes))).toEqual([]);
    await until(() => disposed === made - 1, 'disposal of all but the last');
    await at.server.stop(0);
    expect(disposed).toBe(made);
    expect(made).toBe(reloads);
    console.log(`${reloads} reloads in ${((performance.now() - begun) / 1000).toFixed(1)} s during 100 transfers`);
  });
});

test('a request that is dropped because a window never opened does not keep a generation', async () => {
  const at = await reloadingLab({ config: letterConfig('A') });
  await using peer = await Peer.open();
  peer.send(at.address, rrq('state', 'octet', { blksize: 1000 }));
  await peer.reply();
  peer.send(at.address, ack(0));
  const reloaded = at.nextReload();
  at.save(letterConfig('B'));
  expect((await reloaded).draining).toBe(1);
  await at.server.stop(0);
  expect(at.board.notes).toEqual(['setup A', 'setup B', expect.stringMatching(/^dispose/), expect.stringMatching(/^dispose/)]);
});
