import { cleanName } from 'pxe/kit';
import { normalize } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import type { Trace } from '../../src/plugin/trace.ts';
import type { ExchangeSummary, ReadRequest } from '../../src/plugin/types.ts';
import type { TftpReadRequest } from '../../src/tftp/request.ts';
import { optionMap } from '../../src/tftp/request.ts';
import { readVectors } from '../kit/vectors.ts';
import { environment, fakeFolder, readRequest, start, summary } from '../plugin/support.ts';
import { issuesOf } from './support.ts';

type Options = Parameters<typeof normalize>[0];

async function normalizing(files: readonly string[], options?: Options) {
  const env = environment({ root: fakeFolder(Object.fromEntries(files.map((name) => [name, name]))) });
  const pipeline = await start([normalize(options)], env);
  /** What is looked for, and by which profile. */
  const ask = async (asked: string, also: Partial<TftpReadRequest> = {}, client: Partial<ReadRequest['client']> = {}) => {
    const trace: Trace = [];
    const request = { ...readRequest(cleanName(asked), client), asked, ...also };
    const { name } = await pipeline.rewrite(request, { trace });
    const [{ note, after } = {}] = trace;
    expect(after).toBe(name === request.name ? undefined : name);
    return note === undefined ? name : `${note}: ${name}`;
  };
  const loaded = (served: string, ended: Partial<ExchangeSummary> = {}, client: Partial<ReadRequest['client']> = {}) =>
    pipeline.end(summary({ request: readRequest(served, client), served, ...ended }));
  return { ask, loaded };
}

const pi = { mac: 'dc:a6:32:01:02:03' };
const other = { mac: '52:54:00:12:34:56' };
const withOptions = (options: ReadonlyMap<string, string>) => ({ tftp: { mode: 'octet', options } }) as const;
const blksize = (value: string) => withOptions(new Map([['blksize', value]]));

describe('what is asked for, what there is, what is looked for', () => {
  test.each<[asked: string, files: readonly string[], expected: string, also?: Partial<TftpReadRequest>, client?: object]>([
    ['\\Boot\\BCD', ['boot/bcd'], 'windows: boot/bcd'],
    ['\\Boot\\BCD', ['Boot/BCD', 'boot/bcd'], 'Boot/BCD'],
    ['\\Boot\\BCD', ['boot/other'], 'Boot/BCD'],
    ['/Boot/Bcd', ['boot/bcd'], 'windows: boot/bcd'],
    ['sources/BOOT.WIM', ['Sources/boot.wim'], 'windows: Sources/boot.wim'],
    ['boot/x86/WDSNBP.com', ['boot/x86/wdsnbp.com'], 'windows: boot/x86/wdsnbp.com'],
    ['Kernel', ['kernel'], 'Kernel'],
    ['Kernel', ['kernel'], 'windows: kernel', withOptions(new Map([['mstfwindow', '31416']]))],
    ['grubx64.efi', ['grubx64.efi', 'efi/grubx64.efi'], 'grubx64.efi'],
    ['wrong/grubx64.efi', ['grubx64.efi'], 'shim: grubx64.efi'],
    ['wrong/grubx64.efi', ['grubx64.efi'], 'shim: grubx64.efi', blksize('512')],
    ['wrong/grubx64.efi', ['grubx64.efi'], 'wrong/grubx64.efi', blksize('1468')],
    ['\\EFI\\BOOT\\grubx64.efi', ['grubx64.efi'], 'shim: grubx64.efi'],
    ['\\EFI\\BOOT\\grubx64.efi', ['efi/boot/GRUBX64.EFI', 'grubx64.efi'], 'windows: efi/boot/GRUBX64.EFI'],
    ['a/mmx64.efi', ['mmx64.efi'], 'shim: mmx64.efi'],
    ['a/revocations_sbat.efi', ['revocations_sbat.efi'], 'shim: revocations_sbat.efi'],
    ['a/shim_certificate_0.efi', [], 'a/shim_certificate_0.efi'],
    // shim 15.8 on a Dell loses the first letter of its folder's name.
    ['oader/revocations.efi', ['revocations.efi'], 'shim: revocations.efi'],
    ['secure//grubx64.efi', ['grubx64.efi'], 'shim: grubx64.efi'],
    ['autoexec.ipxe', ['ipxe/autoexec.ipxe'], 'autoexec.ipxe'],
    ['a/vmlinuz', ['vmlinuz'], 'a/vmlinuz'],
    ['12ab34cd/start4.elf', ['start4.elf'], 'raspberryPi: start4.elf'],
    ['12ab34cd/start4.elf', ['start4.elf'], 'raspberryPi: start4.elf', {}, pi],
    // Whatever the MAC address: new ranges are assigned every few years.
    ['12ab34cd/start4.elf', ['start4.elf'], 'raspberryPi: start4.elf', {}, other],
    ['12ab34cd/kernel_2712.img', ['kernel_2712.img'], 'raspberryPi: kernel_2712.img', {}, other],
    ['12ab34cd/bcm2712-rpi-5-b.dtb', ['bcm2712-rpi-5-b.dtb'], 'raspberryPi: bcm2712-rpi-5-b.dtb', {}, other],
    [
      '12ab34cd/overlays/vc4-kms-v3d-pi5.dtbo',
      ['overlays/vc4-kms-v3d-pi5.dtbo'],
      'raspberryPi: overlays/vc4-kms-v3d-pi5.dtbo',
      {},
      other,
    ],
    ['1000000012ab34cd/config.txt', ['config.txt'], 'raspberryPi: config.txt', {}, other],
    ['12ab34cd/vmlinuz', ['vmlinuz'], 'raspberryPi: vmlinuz'],
    ['12ab34cd/vmlinuz', ['vmlinuz'], 'raspberryPi: vmlinuz', {}, pi],
    ['12ab34cd/vmlinuz', ['vmlinuz'], 'raspberryPi: vmlinuz', {}, { mac: '88:a2:9e:12:34:56' }],
    ['12ab34cd/vmlinuz', ['vmlinuz'], '12ab34cd/vmlinuz', {}, other],
    ['0123456789abcdef/vmlinuz', ['vmlinuz'], '0123456789abcdef/vmlinuz'],
    ['12ab34cd/efi/start4.elf', ['efi/start4.elf'], '12ab34cd/efi/start4.elf', {}, other],
    ['12ab34c/start4.elf', ['start4.elf'], '12ab34c/start4.elf'],
    ['12ab34cd5/start4.elf', ['start4.elf'], '12ab34cd5/start4.elf'],
    ['pis/12ab34cd/start4.elf', ['start4.elf'], 'pis/12ab34cd/start4.elf'],
    ['12ab34cd/start4.elf', ['start4.elf', '12ab34cd/start4.elf'], '12ab34cd/start4.elf'],
    ['12ab34cd/overlays/map.dtb', ['overlays/map.dtb'], 'raspberryPi: overlays/map.dtb'],
    ['dc-a6-32-01-02-03/cmdline.txt', ['cmdline.txt'], 'raspberryPi: cmdline.txt'],
    ['52-54-00-01-02-03/cmdline.txt', ['cmdline.txt'], 'raspberryPi: cmdline.txt'],
    ['52-54-00-01-02-03/cmdline.txt', ['cmdline.txt'], 'raspberryPi: cmdline.txt', {}, other],
    ['52-54-00-01-02-03/vmlinuz', ['vmlinuz'], '52-54-00-01-02-03/vmlinuz'],
    ['52-54-00-01-02/cmdline.txt', ['cmdline.txt'], '52-54-00-01-02/cmdline.txt'],
    ['12ab34cd', ['x'], '12ab34cd'],
    ['pxelinux.0  ', ['pxelinux.0'], 'rom: pxelinux.0'],
    ['pxelinux.0 ', ['pxelinux.0 ', 'pxelinux.0'], 'pxelinux.0 '],
    ['pxelinux.0\u00ff\u0001 ', ['pxelinux.0'], 'pxelinux.0'],
    ['//grub//grub.cfg', ['grub/grub.cfg'], 'grub/grub.cfg'],
  ])('%j of %j: %s', async (asked, files, expected, also, client) => {
    expect(await (await normalizing(files)).ask(asked, also, client)).toBe(expected);
  });
});

test('a machine that has asked for the firmware of a Raspberry Pi is one, in that folder', async () => {
  const { ask } = await normalizing(['config.txt', 'vmlinuz']);
  expect(await ask('12ab34cd/vmlinuz', {}, other)).toBe('12ab34cd/vmlinuz');
  expect(await ask('12ab34cd/config.txt', {}, other)).toBe('raspberryPi: config.txt');
  expect(await ask('12ab34cd/vmlinuz', {}, other)).toBe('raspberryPi: vmlinuz');
  expect(await ask('deadbeef/vmlinuz', {}, other)).toBe('deadbeef/vmlinuz');
  expect(await ask('12ab34cd/vmlinuz', {}, { mac: '52:54:00:12:34:57' })).toBe('12ab34cd/vmlinuz');
});

describe('shim', () => {
  const files = ['debian/amd64/shimx64.efi', 'debian/amd64/grubx64.efi', 'grubx64.efi', 'other/grubx64.efi'];

  test('finds GRUB beside the program that the machine has loaded last', async () => {
    const { ask, loaded } = await normalizing(files);
    loaded('other/shimx64.efi', { outcome: 'completed' }, other);
    loaded('debian/amd64/shimx64.efi', { outcome: 'probed' }, other);
    expect(await ask('x/grubx64.efi', {}, other)).toBe('shim: other/grubx64.efi');
    loaded('debian/amd64/shimx64.efi', {}, other);
    expect(await ask('x/grubx64.efi', {}, other)).toBe('shim: debian/amd64/grubx64.efi');
    expect(await ask('x/grubx64.efi')).toBe('shim: grubx64.efi');
    loaded('other/shimx64.efi', {}, { address: '192.168.7.99' });
    expect(await ask('x/grubx64.efi', {}, { address: '192.168.7.99' })).toBe('shim: other/grubx64.efi');
  });

  test('what is no program of its own changes nothing', async () => {
    const { ask, loaded } = await normalizing(files);
    loaded('debian/amd64/shimx64.efi');
    for (const served of ['grubx64.efi', 'other/vmlinuz', 'plugin:generate']) loaded(served);
    expect(await ask('x/grubx64.efi')).toBe('shim: debian/amd64/grubx64.efi');
  });

  test('remembers so many machines and no more', async () => {
    const { ask, loaded } = await normalizing(files);
    const address = (n: number) => ({ address: `10.0.${n >> 8}.${n & 255}` });
    for (let n = 0; n <= 4096; n++) loaded('other/shimx64.efi', {}, address(n));
    expect(await ask('x/grubx64.efi', {}, address(0))).toBe('shim: grubx64.efi');
    expect(await ask('x/grubx64.efi', {}, address(1))).toBe('shim: other/grubx64.efi');
  });
});

describe('what iPXE asks for, by the program that the machine loaded last', () => {
  test.each<[loaded: string, asked: string, files: readonly string[], expected: string]>([
    ['ipxe/snponly-shimx64.efi', 'ipxe.efi', ['ipxe/snponly.efi'], 'shim: ipxe/snponly.efi'],
    ['ipxe/snponly-shimx64.efi', 'ipxe.efi', ['ipxe/snponly.efi', 'ipxe/ipxe.efi'], 'shim: ipxe/snponly.efi'],
    ['ipxe/snponly-shimx64.efi', 'ipxe.efi', ['ipxe/ipxe.efi'], 'shim: ipxe/ipxe.efi'],
    ['ipxe/ipxe-shimaa64.efi', 'ipxe.efi', ['ipxe/ipxe.efi'], 'shim: ipxe/ipxe.efi'],
    ['ipxe/snponly-shimx64.efi', 'ipxe.efi', ['ipxe/snponly.efi', 'ipxe.efi'], 'ipxe.efi'],
    ['debian/shimx64.efi', 'ipxe.efi', ['debian/snponly.efi'], 'ipxe.efi'],
    ['uefi/snponly.efi', 'autoexec.ipxe', ['uefi/autoexec.ipxe'], 'ipxe: uefi/autoexec.ipxe'],
    ['uefi/ipxe.efi', 'autoexec.ipxe', ['uefi/autoexec.ipxe'], 'ipxe: uefi/autoexec.ipxe'],
    ['uefi/ipxe.efi', 'autoexec.ipxe', ['uefi/autoexec.ipxe', 'autoexec.ipxe'], 'autoexec.ipxe'],
    ['bios/undionly.kpxe', 'autoexec.ipxe', ['bios/autoexec.ipxe'], 'ipxe: bios/autoexec.ipxe'],
    ['snponly.efi', 'boot/autoexec.ipxe', ['autoexec.ipxe'], 'ipxe: autoexec.ipxe'],
    ['uefi/vmlinuz', 'autoexec.ipxe', ['uefi/autoexec.ipxe'], 'autoexec.ipxe'],
  ])('after %s: %s of %j: %s', async (program, asked, files, expected) => {
    const { ask, loaded } = await normalizing(files);
    loaded(program);
    expect(await ask(asked)).toBe(expected);
  });
});

test.each<[keyof NonNullable<Options>, string, string]>([
  ['windows', '\\Boot\\BCD', 'boot/bcd'],
  ['shim', 'x/grubx64.efi', 'grubx64.efi'],
  ['raspberryPi', '12ab34cd/start.elf', 'start.elf'],
  ['rom', 'pxelinux.0 ', 'pxelinux.0'],
])('%s can be switched off', async (profile, asked, file) => {
  expect(await (await normalizing([file])).ask(asked)).toBe(`${profile}: ${file}`);
  expect(await (await normalizing([file], { [profile]: false })).ask(asked)).toBe(cleanName(asked));
});

test('ipxe can be switched off', async () => {
  const { ask, loaded } = await normalizing(['uefi/autoexec.ipxe'], { ipxe: false });
  loaded('uefi/snponly.efi');
  expect(await ask('autoexec.ipxe')).toBe('autoexec.ipxe');
});

test('options are checked', () => {
  expect(issuesOf(normalize({ windows: 1 } as never))).toEqual(['windows: expected true or false, found 1']);
  expect(issuesOf(normalize({ grub: true } as never))[0]).toContain('grub: unknown key');
});

describe('recorded requests', () => {
  const reads = readVectors().filter(({ kind }) => kind === 'RRQ');
  const recorded = ({ options }: (typeof reads)[number]) => withOptions(optionMap(options));

  test.each(reads)('$client $name: what is there is left alone', async (vector) => {
    expect(await (await normalizing([cleanName(vector.name)])).ask(vector.name, recorded(vector))).toBe(cleanName(vector.name));
  });

  test('only shim is known by its names', async () => {
    const changed = new Set<string>();
    for (const vector of reads) {
      const name = cleanName(vector.name);
      // Every file lies in the root and not where it is asked for.
      const file = name.slice(name.lastIndexOf('/') + 1);
      if (file === name) continue;
      const { ask } = await normalizing([file]);
      if ((await ask(vector.name, recorded(vector))) !== name) changed.add(`${vector.client} ${file}`);
    }
    expect([...changed]).toEqual(['aavmf-grub revocations_sku.efi', 'ovmf-shim revocations_sku.efi']);
  });
});
