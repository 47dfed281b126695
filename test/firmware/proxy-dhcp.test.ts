/**
 * Real firmware on a network whose router gives addresses and nothing else: proxyDHCP says what to load, TFTP and HTTP serve it. Each
 * machine boots until its serial console shows a marker that only the right file shows.
 */
import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { LogLine } from '../kit/serve.ts';
import { describeWith, requireFiles } from '../kit/tools.ts';
import { efiProgram } from './efi-program.ts';
import { initrd } from './initrd.ts';
import { type Firmware, needsOf } from './qemu.ts';
import { makeRack, needsOfRack } from './rack.ts';
import { type Files, serveIn } from './served.ts';

const UNDIONLY = '/usr/lib/ipxe/undionly.kpxe';
const SNPONLY = '/usr/lib/ipxe/snponly.efi';
const SHIM = '/usr/lib/shim/shimx64.efi.signed';
const GRUB = '/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed';
/** `.ci/run` fetches it. */
const KERNEL = process.env.PXE_KERNEL ?? '/boot/vmlinuz';

const BOOT_MS = 120_000;
const MACS = ['52:54:00:12:34:56', '52:54:00:ab:cd:ef'] as const;
const firmwares: readonly Firmware[] = ['bios', 'uefi-x64', 'uefi-arm64', 'uefi-x64-secure'];
const needs = [...needsOfRack(), ...firmwares.flatMap(needsOf), ...requireFiles(UNDIONLY, SNPONLY, SHIM, GRUB, KERNEL)];

const script = (marker: string) => `#!ipxe\necho ${marker} \${net0/mac}\n`;

describeWith('nothing set in the DHCP server', needs, () => {
  test.each<{ what: string; firmware: Firmware; boot: string; files: Files; marker: string; asks: readonly string[] }>([
    {
      what: 'an iPXE ROM gets its script at once',
      firmware: 'bios',
      boot: `{ bios: 'undionly.kpxe', ipxe: 'boot.ipxe' }`,
      files: { 'boot.ipxe': script('SCRIPT') },
      marker: `SCRIPT ${MACS[0]}`,
      asks: ['boot.ipxe'],
    },
    {
      what: 'an iPXE ROM asks port 4011 for its script',
      firmware: 'bios',
      boot: `{ ipxe: 'boot.ipxe' }, layout: 'binl'`,
      files: { 'boot.ipxe': script('SCRIPT') },
      marker: `SCRIPT ${MACS[0]}`,
      asks: ['boot.ipxe'],
    },
    {
      what: 'OVMF loads iPXE, and iPXE its script',
      firmware: 'uefi-x64',
      boot: `{ 'uefi-x64': 'snponly.efi', ipxe: 'boot.ipxe' }`,
      files: { 'boot.ipxe': script('SCRIPT'), 'snponly.efi': { copyOf: SNPONLY } },
      marker: `SCRIPT ${MACS[0]}`,
      asks: ['snponly.efi', 'boot.ipxe'],
    },
    {
      what: 'OVMF asks port 4011 for iPXE, and iPXE gets its script',
      firmware: 'uefi-x64',
      boot: `{ 'uefi-x64': 'snponly.efi', ipxe: 'boot.ipxe' }, layout: 'binl'`,
      files: { 'boot.ipxe': script('SCRIPT'), 'snponly.efi': { copyOf: SNPONLY } },
      marker: `SCRIPT ${MACS[0]}`,
      asks: ['snponly.efi', 'boot.ipxe'],
    },
    {
      what: 'OVMF by HTTP Boot',
      firmware: 'uefi-x64-http',
      boot: `{ 'uefi-x64': 'boot/x64.efi' }`,
      files: { 'boot/x64.efi': efiProgram('x64', 'PROGRAM x64') },
      marker: 'PROGRAM x64',
      asks: ['boot/x64.efi'],
    },
    {
      what: 'AAVMF',
      firmware: 'uefi-arm64',
      boot: `{ 'uefi-x64': 'boot/x64.efi', 'uefi-arm64': 'boot/arm64.efi' }`,
      files: { 'boot/arm64.efi': efiProgram('arm64', 'PROGRAM arm64') },
      marker: 'PROGRAM arm64',
      asks: ['boot/arm64.efi'],
    },
    {
      what: 'AAVMF by HTTP Boot',
      firmware: 'uefi-arm64-http',
      boot: `{ 'uefi-x64': 'boot/x64.efi', 'uefi-arm64': 'boot/arm64.efi' }`,
      files: { 'boot/arm64.efi': efiProgram('arm64', 'PROGRAM arm64') },
      marker: 'PROGRAM arm64',
      asks: ['boot/arm64.efi'],
    },
    {
      what: 'Secure Boot by PXE: shim, then GRUB',
      firmware: 'uefi-x64-secure',
      boot: `'secure/shimx64.efi'`,
      files: { 'secure/shimx64.efi': { copyOf: SHIM }, 'secure/grubx64.efi': { copyOf: GRUB } },
      // GRUB 2.06 as Debian signs it then asks the DHCP server, not the proxy, for its config.
      marker: 'Welcome to GRUB!',
      asks: ['secure/shimx64.efi', 'secure/grubx64.efi'],
    },
    {
      what: 'Secure Boot by HTTP Boot: shim, then GRUB',
      firmware: 'uefi-x64-secure-http',
      boot: `'secure/shimx64.efi'`,
      files: { 'secure/shimx64.efi': { copyOf: SHIM }, 'secure/grubx64.efi': { copyOf: GRUB } },
      // GRUB 2.06 as Debian signs it then asks the DHCP server, not the proxy, for its config.
      marker: 'Welcome to GRUB!',
      asks: ['secure/shimx64.efi', 'secure/grubx64.efi'],
    },
  ])('$what', async ({ firmware, boot, files, marker, asks }) => {
    await using rack = await makeRack();
    await rack.startDhcp();
    await using server = await serveIn(rack, `hosts({ default: { boot: ${boot} } })`, files);
    await using machine = await rack.powerOn({ firmware, mac: MACS[0] });
    await machine.shows(marker, BOOT_MS);

    for (const name of asks) await server.logged(isTransferOf(name, MACS[0]));
    expect(server.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  test('two machines get different loaders, by one config', async () => {
    await using rack = await makeRack();
    await rack.startDhcp();
    const hosts = `hosts({ '${MACS[0]}': { boot: 'one.efi' }, '${MACS[1]}': { boot: 'two.efi' } })`;
    await using server = await serveIn(rack, hosts, {
      'one.efi': efiProgram('x64', 'PROGRAM one'),
      'two.efi': efiProgram('x64', 'PROGRAM two'),
    });
    await using _one = await rack.powerOn({ firmware: 'uefi-x64', mac: MACS[0] });
    await using _two = await rack.powerOn({ firmware: 'uefi-x64', mac: MACS[1] });
    await server.logged(isTransferOf('one.efi', MACS[0]), BOOT_MS);
    await server.logged(isTransferOf('two.efi', MACS[1]), BOOT_MS);
    const others = server.log.filter((line) => isTransferOf('one.efi', MACS[1])(line) || isTransferOf('two.efi', MACS[0])(line));
    expect(others).toEqual([]);
  });

  test('iPXE chains to HTTP, and Linux prints the sum of its initrd', async () => {
    const payload = randomBytes(8 * 1024 ** 2);
    await using rack = await makeRack();
    await rack.startDhcp();
    const base = `http://${rack.address}:80`;
    await using _server = await serveIn(rack, `hosts({ default: { boot: { ipxe: 'boot.ipxe' } } })`, {
      'boot.ipxe': `#!ipxe\nchain ${base}/linux.ipxe\n`,
      'linux.ipxe': `#!ipxe\nkernel ${base}/vmlinuz initrd=initrd.img console=ttyS0 quiet\ninitrd ${base}/initrd.img\nboot\n`,
      vmlinuz: { copyOf: KERNEL },
      'initrd.img': initrd(payload),
    });
    await using machine = await rack.powerOn({ firmware: 'bios', mac: MACS[0] });
    await machine.shows(createHash('sha256').update(payload).digest('hex'), BOOT_MS);
  });

  test("'disk' sends UEFI to its next boot entry at once", async () => {
    await using rack = await makeRack();
    await rack.startDhcp();
    await using _server = await serveIn(rack, `hosts({ default: { boot: 'disk' } })`, {});
    await using machine = await rack.powerOn({ firmware: 'uefi-x64', mac: MACS[0] });
    await machine.shows('BdsDxe: failed to load Boot0001 "UEFI PXEv4', BOOT_MS, 'PXE-E16: No valid offer received');
  });
});

/** The line of a file that a machine got whole. */
function isTransferOf(name: string, mac: string): (line: LogLine) => boolean {
  return (line) => line.served === name && line.outcome === 'completed' && line.mac === mac;
}
