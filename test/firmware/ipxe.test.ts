/**
 * Real firmware: a PC whose network card has iPXE in its ROM boots a script through the server, then `undionly.kpxe`, and that
 * boots a script once more.
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serve } from '../kit/serve.ts';
import { describeWith, requireFiles } from '../kit/tools.ts';
import { needsOf } from './qemu.ts';
import { makeRack, needsOfRack } from './rack.ts';

const undionly = '/usr/lib/ipxe/undionly.kpxe';
const needs = [...needsOfRack(), ...needsOf('bios'), ...requireFiles(undionly)];
const bootMs = 120_000;

// DHCP names this script to both iPXEs; they differ in the driver: the ROM has its own, undionly borrows the ROM's.
const first = `#!ipxe
echo FIRST MARKER \${net0/chip}
iseq \${net0/chip} undionly || chain tftp://\${next-server}/undionly.kpxe
chain tftp://\${next-server}/scripts/second.ipxe
`;
const second = `#!ipxe
echo SECOND MARKER \${net0/chip}
`;

describeWith('firmware', needs, () => {
  test('a machine with the iPXE ROM boots a script, then undionly.kpxe', async () => {
    await using folder = await scratch();
    await mkdir(join(folder.path, 'scripts'));
    await writeFile(join(folder.path, 'marker.ipxe'), first);
    await writeFile(join(folder.path, 'scripts', 'second.ipxe'), second);
    await copyFile(undionly, join(folder.path, 'undionly.kpxe'));

    await using rack = await makeRack();
    await using server = await serve({
      flags: ['--root-dir', folder.path, '--interface', rack.address, '--port', '69'],
      prefix: rack.prefix,
      cwd: folder.path,
    });
    await rack.startDhcp({ boot: 'marker.ipxe' });
    await using machine = await rack.powerOn({ firmware: 'bios', mac: '52:54:00:12:34:56' });
    await machine.shows('SECOND MARKER undionly', bootMs, 'No bootable device');

    expect(machine.console()).toContain('FIRST MARKER virtio-net');
    for (const asked of ['marker.ipxe', 'undionly.kpxe', 'scripts/second.ipxe']) {
      const line = await server.logged((line) => String(line.asked).endsWith(asked) && line.outcome !== undefined);
      expect(line).toMatchObject({ outcome: 'completed' });
    }
    expect(server.log.filter(({ level }) => level >= 40)).toEqual([]);
  });
});

async function scratch(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'pxe-firmware-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
