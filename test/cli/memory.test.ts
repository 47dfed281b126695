/** What a server takes of memory while it serves many distinct files, with the defaults. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { folder } from '../support/lab.ts';
import { pxe } from '../support/pxe.ts';
import { serve } from '../support/serve.ts';
import { describeWith, type Need } from '../support/tools.ts';

const linux: Need = { what: 'Linux', met: process.platform === 'linux' };
const MIB = 1024 ** 2;
/** Just over one segment, the worst case: far more of them than are kept. */
const FILES = 2500;
const FILE_BYTES = 66_000;
/** With the default cache of 32 MiB. One segment held for each file would be 156 MiB more than at the start. */
const MAX_GROWTH_MIB = 125;

function residentMib(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1]) * 1024) / MIB;
}

describeWith('memory', [linux], () => {
  test('does not grow with the number of distinct files', { timeout: 120_000 }, async () => {
    const at = folder();
    const bytes = new Uint8Array(FILE_BYTES).fill(7);
    for (let n = 1; n <= FILES; n++) at.put(`ROOT/f${n}.img`, bytes);
    await using server = await serve({ flags: ['--root-dir', at.root, '--interface', '127.0.0.1', '--port', '0'] });
    const before = residentMib(server.pid, 'VmRSS');
    const url = `tftp://127.0.0.1:${server.port}/f{n}.img`;
    const flags = ['--clients', '50', '--boots', String(FILES), '--profile', 'ipxe', '--windowsize', '16', '--over', '100'];
    const storm = await pxe(['storm', url, ...flags, '--yes'], { limitMs: 100_000 });
    expect(storm).toMatchObject({ code: 0 });
    expect(residentMib(server.pid, 'VmHWM') - before).toBeLessThan(MAX_GROWTH_MIB);
  });
});
