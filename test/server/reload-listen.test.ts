import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { letterConfig, STATE_BYTES } from '../kit/letter-config.ts';
import { type ReloadingLab, reloadingLab } from '../kit/reloading.ts';
import { freePort } from '../kit/serve.ts';
import { slowRead } from '../kit/slow-read.ts';
import { Peer, rrq } from '../kit/tftp.ts';

describe('listen changes live', () => {
  const on = (...addresses: readonly (readonly [string, number])[]) =>
    `tftp: { listen: [${addresses.map(([address, port]) => `{ address: '${address}', port: ${port} }`).join(', ')}] },`;

  async function reload(at: ReloadingLab, source: string): Promise<void> {
    const reloaded = at.nextReload();
    at.save(source);
    await reloaded;
  }

  async function answers(address: string, port: number): Promise<boolean> {
    await using peer = await Peer.open('127.0.0.1');
    peer.send({ address, port }, rrq('who'));
    return (await peer.poll(800)) !== undefined;
  }

  test('the new address is served, the old one is not, and a transfer keeps its sockets', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const at = await reloadingLab({ config: letterConfig('A', { keys: on(['127.0.0.1', one]) }) });
    const transfer = slowRead({ address: '127.0.0.1', port: one }, 'state');
    await transfer.started;
    await reload(at, letterConfig('B', { keys: on(['127.0.0.1', two]) }));
    expect(at.server.addresses).toEqual([{ address: '127.0.0.1', port: two }]);
    expect(await answers('127.0.0.1', two)).toBe(true);
    expect(await answers('127.0.0.1', one)).toBe(false);
    expect((await transfer.goOn()).bytes.equals(Buffer.alloc(STATE_BYTES, 'A'))).toBe(true);
    await using again = await Peer.open('127.0.0.1', one);
    expect(again.port).toBe(one);
  });

  test('the old one is closed after the new one is bound: if that fails, nothing has changed', async () => {
    await using taken = await Peer.open();
    const port = await freePort();
    const at = await reloadingLab({ config: letterConfig('A', { keys: on(['127.0.0.1', port]) }) });
    const failed = at.nextFailure();
    at.save(letterConfig('B', { keys: on(['127.0.0.1', await freePort()], ['127.0.0.1', taken.port]) }));
    await failed;
    expect(at.server.addresses).toEqual([{ address: '127.0.0.1', port }]);
    expect(await answers('127.0.0.1', port)).toBe(true);
  });

  test('all addresses and one of them overlap on one port, whichever comes first', async () => {
    const port = await freePort();
    const loopback = ['127.0.0.1', port] as const;
    const everywhere = ['0.0.0.0', port] as const;
    const at = await reloadingLab({ config: letterConfig('A', { keys: on(loopback) }) });
    const transfers = [];
    for (const [letter, keys] of [
      ['B', on(everywhere)],
      ['C', on(loopback, everywhere)],
      ['D', on(everywhere, loopback)],
      ['E', on(loopback)],
    ] as const) {
      const transfer = slowRead({ address: '127.0.0.1', port }, 'state');
      await transfer.started;
      transfers.push(transfer);
      await reload(at, letterConfig(letter, { keys }));
      expect(await answers('127.0.0.1', port)).toBe(true);
      expect(await at.text('who')).toBe(letter);
    }
    for (const [i, transfer] of transfers.entries())
      expect((await transfer.goOn()).bytes.equals(Buffer.alloc(STATE_BYTES, 'ABCD'[i]))).toBe(true);
  });

  test('an address that stays loses no request while others come and go', async () => {
    const [stays, other] = [await freePort(), await freePort()];
    const at = await reloadingLab({ config: letterConfig('A', { keys: on(['127.0.0.1', stays]) }), watch: false });
    let done = false;
    let asked = 0;
    const asking = (async () => {
      for (; !done; asked++) {
        await using peer = await Peer.open();
        peer.send({ address: '127.0.0.1', port: stays }, rrq('who'));
        expect((await peer.reply(1000)).kind).toBe('data');
      }
    })();
    for (let i = 0; i < 10; i++) {
      const more: readonly (readonly [string, number])[] = i % 2 === 0 ? [['127.0.0.1', other]] : [];
      at.save(letterConfig(`${i}`, { keys: on(...more, ['127.0.0.1', stays]) }));
      await at.reloader.request('test');
      await pause(20);
    }
    done = true;
    await asking;
    expect(at.failures).toEqual([]);
    expect(at.reloads).toHaveLength(10);
    expect(asked).toBeGreaterThan(10);
  });
});
