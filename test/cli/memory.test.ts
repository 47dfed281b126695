/** What a server takes of memory while it serves many distinct files, with the defaults. */
import { expect, test } from 'vitest';
import { flood, servedFiles } from '../kit/flood.ts';
import { residentMib } from '../kit/memory.ts';
import { pxe } from '../kit/pxe.ts';
import { type Served, serve } from '../kit/serve.ts';
import { describeWith, type Need } from '../kit/tools.ts';

const linux: Need = { what: 'Linux', met: process.platform === 'linux' };
/** Far more files than are kept. */
const FILES = 2500;
/** Just over one segment, the worst case of files that are read piece by piece. */
const OVER_ONE_SEGMENT = 66_000;
/** One segment, nearly full: the worst case of files that are read whole. */
const ONE_SEGMENT = 60_000;
/** With the default cache of 32 MiB. One segment held for each file would be 156 MiB more than at the start. */
const MAX_GROWTH_MIB = 125;

describeWith('memory', [linux], () => {
  test('does not grow with the number of distinct files', { timeout: 120_000 }, async () => {
    await using server = await serveFiles(OVER_ONE_SEGMENT);
    const before = residentMib(server.pid, 'VmRSS');
    const url = `tftp://127.0.0.1:${server.port}/f{n}.img`;
    const flags = ['--clients', '50', '--boots', String(FILES), '--profile', 'ipxe', '--windowsize', '16', '--over', '100'];
    const storm = await pxe(['storm', url, ...flags, '--yes'], { limitMs: 100_000 });
    expect(storm).toMatchObject({ code: 0 });
    expect(residentMib(server.pid, 'VmHWM') - before).toBeLessThan(MAX_GROWTH_MIB);
  });

  test.each([
    [ONE_SEGMENT, 150],
    [OVER_ONE_SEGMENT, 170],
  ])(
    'does not grow with the number of requests for files of %d bytes that nobody goes on with',
    { timeout: 120_000 },
    async (bytes, maxGrowthMib) => {
      await using server = await serveFiles(bytes);
      const before = residentMib(server.pid, 'VmRSS');
      await flood(server, FILES, 3);
      expect(residentMib(server.pid, 'VmHWM') - before).toBeLessThan(maxGrowthMib);
    },
  );
});

async function serveFiles(fileBytes: number): Promise<Served> {
  return serve({ flags: ['--root-dir', servedFiles(FILES, fileBytes), '--interface', '127.0.0.1', '--port', '0'] });
}
