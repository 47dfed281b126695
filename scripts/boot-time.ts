/**
 * How long a machine takes from power-on to the first line of Linux, where the initrd comes by TFTP and where it comes by HTTP.
 *
 *     PXE_KERNEL=/boot/vmlinuz npm run measure:boot -- [--write]
 *
 * Run as root: the machines are simulated (QEMU, without KVM) in network namespaces. Settings by environment: INITRD_MB (50), ROUNDS (3)
 */
import { randomBytes } from 'node:crypto';
import type { Firmware } from '../test/firmware/qemu.ts';
import { makeRack } from '../test/firmware/rack.ts';
import { serveIn } from '../test/firmware/served.ts';
import { quantile, Report } from './lib/report.ts';

const KERNEL = process.env.PXE_KERNEL ?? '/boot/vmlinuz';
const SNPONLY = '/usr/lib/ipxe/snponly.efi';
const INITRD_MB = Number(process.env.INITRD_MB ?? 50);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const BOOT_MS = 180_000;

const FIRMWARES: readonly { readonly firmware: Firmware; readonly title: string }[] = [
  { firmware: 'bios', title: 'BIOS with iPXE in its ROM' },
  { firmware: 'uefi-x64', title: 'x64 UEFI, then snponly.efi' },
];
const PROTOCOLS = ['tftp', 'http'] as const;

const report = new Report({ script: 'measure:boot', settings: ['INITRD_MB', 'ROUNDS'] });
const initrd = randomBytes(INITRD_MB * 1e6);
const rows: (readonly string[])[] = [];
for (const { firmware, title } of FIRMWARES) {
  // In turns: what else the machine does then slows both down.
  const seconds: Record<(typeof PROTOCOLS)[number], number[]> = { tftp: [], http: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    for (const protocol of PROTOCOLS) {
      report.progress(`${title}, ${protocol}, round ${round} of ${ROUNDS}`);
      seconds[protocol].push(await boot(firmware, protocol));
    }
  }
  rows.push([title, ...PROTOCOLS.map((protocol) => quantile(seconds[protocol], 0.5).toFixed(1))]);
}
report.line(`Linux with an initrd of ${INITRD_MB} MB, medians of ${ROUNDS} boots`);
report.table([['machine', 'TFTP only, s', 'kernel and initrd by HTTP, s'], ...rows]);
report.end('boot');

/** Returns seconds. */
async function boot(firmware: Firmware, protocol: (typeof PROTOCOLS)[number]): Promise<number> {
  await using rack = await makeRack();
  await rack.startDhcp();
  const base = `${protocol}://${rack.address}`;
  await using _server = await serveIn(rack, `hosts({ default: { boot: { 'uefi-x64': 'snponly.efi', ipxe: 'boot.ipxe' } } })`, {
    'snponly.efi': { copyOf: SNPONLY },
    'boot.ipxe': `#!ipxe\nkernel ${base}/vmlinuz initrd=initrd.img console=ttyS0 earlyprintk=ttyS0\ninitrd ${base}/initrd.img\nboot\n`,
    vmlinuz: { copyOf: KERNEL },
    'initrd.img': initrd,
  });
  const begunMs = performance.now();
  await using machine = await rack.powerOn({ firmware, mac: '52:54:00:12:34:56' });
  await machine.shows('Linux version', BOOT_MS);
  return (performance.now() - begunMs) / 1000;
}
