/**
 * A long link is used as well as the window allows: 1 Gbit/s and a round trip of 10 ms, by the kernel's netem where it has one, else
 * by a relay in user space. What is allowed follows from the round trip as measured, so either will do.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { nativeUnavailableReason } from '../../src/net/native/libc.ts';
import { folder } from '../kit/lab.ts';
import { cli } from '../kit/pxe.ts';
import { seeded } from '../kit/random.ts';
import { serve } from '../kit/serve.ts';
import { describeWith, requireFiles, requireRoot, requireTools } from '../kit/tools.ts';
import { FIRST, must, Namespaces } from './namespaces.ts';

const LINK = { rttMs: 10, bitsPerSecond: 1e9 };
const BLOCK = 1468;
/** TFTP, UDP and IP headers, and an Ethernet frame's share of the wire. */
const ON_WIRE = BLOCK + 4 + 8 + 20 + 38;
const WINDOWS = 100;
/** A busy machine spoils a round, not the best of them. */
const ROUNDS = 8;
/** A relay in user space has a share in what is lost: it waits for its turn with every packet. */
const LEAST = { netem: 0.9, relay: 0.8 };

const rttScript = fileURLToPath(new URL('rtt.ts', import.meta.url));
const needs = [
  ...requireTools('ip', 'tc', 'chrt'),
  ...requireFiles('/dev/net/tun'),
  requireRoot(),
  { what: `the native transport (${nativeUnavailableReason()})`, met: nativeUnavailableReason() === undefined },
];

describeWith('goodput over a long link', needs, () => {
  test.each(['native', 'portable'])('%s', async (transport) => {
    const at = folder();
    const image = seeded(5).bytes(WINDOWS * 64 * BLOCK);
    const listen = [{ address: '10.77.0.1', port: 69 }];
    at.put('pxe.config.json', JSON.stringify({ rootDir: 'ROOT', tftp: { listen, transport }, stableMs: 0 }));
    await using network = await Namespaces.make('server', 'client');
    const server = { machine: 'server', device: 'wire0', addresses: ['10.77.0.1/24'] };
    const client = { machine: 'client', device: 'wire1', addresses: ['10.77.0.2/24'] };
    const by = (await network.netem(server, client, LINK)) ? 'netem' : 'relay';
    if (by === 'relay') await network.relay(server, client, LINK);
    await using served = await serve({ flags: [], cwd: at.path, prefix: [...network.on('server'), ...FIRST] });
    await served.logged(({ msg }) => msg === 'ready', 15_000);
    const asClient = (...command: readonly string[]) => must([...network.on('client'), ...FIRST, process.execPath, ...command]);

    for (const window of [1, 4, 16, 64]) {
      at.put(`ROOT/${window}`, image.subarray(0, WINDOWS * window * BLOCK));
      const shares: number[] = [];
      for (let round = 0; round < ROUNDS && Math.max(0, ...shares) < LEAST[by]; round++) {
        const rttMs = Number(await asClient(rttScript, '10.77.0.1'));
        expect(rttMs).toBeGreaterThan(LINK.rttMs * 0.95);
        const options = ['--blksize', String(BLOCK), '--windowsize', String(window), '--json'];
        const told = await asClient(cli, 'get', `tftp://10.77.0.1/${window}`, join(at.path, 'got'), ...options);
        const result = JSON.parse(told) as { readonly bytes: number; readonly ms: number; readonly options: object };
        expect(result).toMatchObject({ bytes: WINDOWS * window * BLOCK, options: { windowsize: String(window) } });
        // The link takes a window's packets one after the other.
        const windowMs = rttMs + ((window - 1) * ON_WIRE * 8 * 1000) / LINK.bitsPerSecond;
        // One round trip is for the request.
        const share = (rttMs + WINDOWS * windowMs) / result.ms;
        shares.push(share);
        const rate = `${(result.bytes / result.ms / 1000).toFixed(2)} MB/s`;
        console.log(
          `${transport}, window ${window}: ${rate}, ${(share * 100).toFixed(1)} % of what ${rttMs.toFixed(2)} ms allow (${by})`,
        );
      }
      expect(Math.max(...shares), `window ${window}`).toBeGreaterThanOrEqual(LEAST[by]);
    }
  });
});
