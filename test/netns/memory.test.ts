/** A server whose memory the system bounds: many distinct files, and clients that never answer, do not have it killed. */
import { expect, test } from 'vitest';
import { memoryGroup, requireMemoryGroup } from '../kit/cgroup.ts';
import { flood, servedFiles } from '../kit/flood.ts';
import { pxe } from '../kit/pxe.ts';
import { serve } from '../kit/serve.ts';
import { describeWith, requireRoot } from '../kit/tools.ts';

/** Files of the page cache count, too, and make room. */
const GROUP_BYTES = 300 * 1024 ** 2;
const FILES = 2500;

describeWith('in 300 MiB', [requireRoot(), requireMemoryGroup()], () => {
  test.each([60_000, 66_000])('files of %d bytes are served on', { timeout: 180_000 }, async (bytes) => {
    const root = servedFiles(FILES, bytes);
    await using group = memoryGroup(GROUP_BYTES);
    await using server = await serve({
      flags: ['--root-dir', root, '--interface', '127.0.0.1', '--port', '0'],
      prefix: group.prefix,
    });
    await flood(server, FILES, 3);
    const url = `tftp://127.0.0.1:${server.port}/f{n}.img`;
    const flags = ['--clients', '50', '--boots', String(FILES), '--profile', 'ipxe', '--windowsize', '16', '--over', '100'];
    const storm = await pxe(['storm', url, ...flags, '--yes'], { limitMs: 150_000 });
    expect(storm).toMatchObject({ code: 0 });
    expect(group.kills).toBe(0);
  });
});
