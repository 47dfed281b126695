/** The whole way of a boot, told beforehand: what is offered, loaded, and named in scripts. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: iPXE writes settings so
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { definePlugin, explainBoot, type Plugin } from 'pxe';
import { hosts, normalize } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import type { BootByFirmware } from '../../plugins/hosts/boot-options.ts';
import type { Firmware } from '../../src/base/firmware.ts';
import { tellChain } from '../../src/cli/boot-tree.ts';
import { boots, type ChainStep, explainChain } from '../../src/server/boot-chain.ts';
import { type BootQuestion, describeOffers, offersTo } from '../../src/server/boot-offer.ts';
import { withGeneration } from '../../src/server/create.ts';
import { ledTo } from '../../src/server/script-path.ts';
import { secondStages } from '../../src/server/second-stage.ts';
import { folderOf } from '../config/support.ts';
import { resolveConfig } from '../kit/config.ts';
import { peFile } from '../kit/pe.ts';

const mac = '52:54:00:12:34:56';
const isList = (value: BootByFirmware | readonly Plugin[]): value is readonly Plugin[] => Array.isArray(value);

type Files = Readonly<Record<string, Uint8Array | string>>;

/** Each step on a line, indented: what is asked, and what it comes to. */
function told(step: ChainStep, indent = ''): string[] {
  const answer =
    step.kind === 'offer'
      ? `${step.firmware} is offered ${step.offer.offered ?? `nothing${step.offer.error === undefined ? '' : `: ${step.offer.error}`}`}`
      : `${step.role} ${step.name}${step.entry === undefined ? '' : ` (${step.entry})`}: ${
          step.explanation?.served?.from ?? step.explanation?.error?.message ?? ''
        }${step.note === undefined ? '' : `[${step.note}]`}`;
  return [indent + answer, ...step.next.flatMap((next) => told(next, `${indent}  `))];
}

async function chain(
  boot: BootByFirmware | readonly Plugin[],
  files: Files,
  question: Partial<BootQuestion> = {},
  keys: object = {},
) {
  const dir = folderOf({ 'root/.keep': '' });
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, 'root', name)), { recursive: true });
    writeFileSync(join(dir, 'root', name), bytes);
  }
  const plugins = isList(boot) ? boot : [hosts({ default: { boot } })];
  const config = resolveConfig({ rootDir: './root', dhcp: {}, plugins, ...keys }, { dir });
  const step = await withGeneration(config, (generation) =>
    explainChain(generation, { address: '0.0.0.0', mac, firmware: 'uefi-x64', ...question }),
  );
  return { told: told(step), boots: boots(step), step };
}

const ipxe = { 'uefi-x64': 'ipxe.efi', bios: 'undionly.kpxe', ipxe: 'menus/menu.ipxe' };
const x64 = peFile('x64');

describe('iPXE', () => {
  test('is loaded, asks again, and its script names a kernel and an initrd, relative to itself', async () => {
    const script = '#!ipxe\nkernel ../debian/linux initrd=initrd.gz\ninitrd /debian/initrd.gz\nboot\n';
    const files = { 'ipxe.efi': x64, 'menus/menu.ipxe': script, 'debian/linux': 'k', 'debian/initrd.gz': 'i' };
    const { told, boots } = await chain(ipxe, files);
    expect(told).toEqual([
      'uefi-x64 is offered ipxe.efi',
      '  loader ipxe.efi: ipxe.efi',
      '    ipxe is offered menus/menu.ipxe',
      '      script menus/menu.ipxe: menus/menu.ipxe',
      '        kernel ../debian/linux: debian/linux',
      '        initrd /debian/initrd.gz: debian/initrd.gz',
    ]);
    expect(boots).toBe(true);
  });

  test('what is missing is found at each step', async () => {
    const { told: first, boots } = await chain(ipxe, {});
    expect(first).toEqual(['uefi-x64 is offered ipxe.efi', '  loader ipxe.efi: file not found']);
    expect(boots).toBe(false);
    const second = await chain(ipxe, { 'ipxe.efi': x64, 'menus/menu.ipxe': '#!ipxe\nkernel gone\n' });
    expect(second.told.at(-1)).toBe('        kernel gone: file not found');
    expect(second.boots).toBe(false);
  });

  test('prefers the autoexec.ipxe that lies beside it', async () => {
    const { told } = await chain({ default: 'efi/ipxe.efi' }, { 'efi/ipxe.efi': x64, 'efi/autoexec.ipxe': '#!ipxe\nshell' });
    expect(told.slice(2)).toEqual(['    script /efi/autoexec.ipxe: efi/autoexec.ipxe']);
  });

  test('without a script it gets no offer, and the boot ends there', async () => {
    const { told, boots } = await chain({ default: 'ipxe.efi' }, { 'ipxe.efi': x64 });
    expect(told.at(-1)).toBe('    ipxe is offered nothing');
    expect(boots).toBe(false);
  });

  test('a circle ends where it begins, and another server is not asked', async () => {
    const lines = ['../ipxe.efi', 'http://192.168.9.9/x.ipxe', '${asset}.ipxe', 'http://${next-server}/x.ipxe'];
    const script = `#!ipxe\n${lines.map((line) => `chain ${line}\n`).join('')}`;
    const { told, boots } = await chain(ipxe, { 'ipxe.efi': x64, 'menus/menu.ipxe': script });
    expect(told.slice(4).map((line) => line.trim())).toEqual([
      'loader ../ipxe.efi: [loaded before: this goes round in a circle]',
      'script http://192.168.9.9/x.ipxe: [not looked up: it is on 192.168.9.9, another server]',
      'script ${asset}.ipxe: [not looked up: it depends on a variable that is known only to the machine]',
      'script http://192.0.2.1/x.ipxe: [not looked up: this server does not serve HTTP]',
    ]);
    expect(boots).toBe(false);
  });

  test('a chain of scripts without end is cut', async () => {
    const next = definePlugin({
      name: 'next',
      setup: () => ({
        boot: ({ client }) => (client.firmware === 'ipxe' ? '0.ipxe' : 'ipxe.efi'),
        open({ name }) {
          const number = Number(/^(\d+)\.ipxe$/.exec(name)?.[1]);
          return name === 'ipxe.efi'
            ? x64
            : number >= 0
              ? Buffer.from(`#!ipxe\nchain ${number + 1}.ipxe\nchain ${number + 2}.ipxe`)
              : undefined;
        },
      }),
    });
    const { told } = await chain([next()], {});
    expect(told.length).toBeLessThan(300);
    expect(told.some((line) => line.includes('the boot has too many steps'))).toBe(true);
  });
});

describe('other loaders', () => {
  test('PXELINUX: its menu by MAC address, before the default; names are relative to the loader', async () => {
    const files = {
      'bios/pxelinux.0': 'x',
      'bios/pxelinux.cfg/default': 'LABEL no\n KERNEL no',
      'bios/pxelinux.cfg/01-52-54-00-12-34-56': 'LABEL deb\n KERNEL linux\n APPEND initrd=/gone.gz quiet',
      'bios/linux': 'k',
    };
    const { told } = await chain({ bios: 'bios/pxelinux.0' }, files, { firmware: 'bios' });
    expect(told.slice(1)).toEqual([
      '  loader bios/pxelinux.0: bios/pxelinux.0',
      '    config /bios/pxelinux.cfg/01-52-54-00-12-34-56: bios/pxelinux.cfg/01-52-54-00-12-34-56',
      '      kernel linux (deb): bios/linux',
      '      initrd /gone.gz (deb): file not found',
    ]);
  });

  test('PXELINUX without a menu', async () => {
    const { told, boots } = await chain(
      { bios: 'pxelinux.0' },
      { 'pxelinux.0': 'x' },
      { firmware: 'bios', address: '192.168.7.20' },
    );
    expect(told.at(-1)).toBe(
      '    config pxelinux.cfg/default: file not found[nor any of 9 names that it tries before: pxelinux.cfg/01-52-54-00-12-34-56, …]',
    );
    expect(boots).toBe(false);
  });

  test('shim, GRUB, its menu, kernel and initrd', async () => {
    const files = {
      'sb/shimx64.efi': x64,
      'sb/grubx64.efi': x64,
      'grub/grub.cfg': "menuentry 'Debian' {\n linux /debian/linux quiet\n initrd (tftp)/debian/initrd.gz\n}\n",
      'debian/linux': 'k',
      'debian/initrd.gz': 'i',
    };
    const { told, boots } = await chain({ 'uefi-x64': 'sb/shimx64.efi' }, files);
    expect(told).toEqual([
      'uefi-x64 is offered sb/shimx64.efi',
      '  loader sb/shimx64.efi: sb/shimx64.efi',
      '    loader /sb/grubx64.efi: sb/grubx64.efi',
      '      config /grub/grub.cfg: grub/grub.cfg',
      '        kernel /debian/linux (Debian): debian/linux',
      '        initrd (tftp)/debian/initrd.gz (Debian): debian/initrd.gz',
    ]);
    expect(boots).toBe(true);
  });

  test('of others it is said that nothing is known', async () => {
    const { told } = await chain({ default: 'boot.efi' }, { 'boot.efi': x64 });
    expect(told.at(-1)).toBe('  loader boot.efi: boot.efi[what it asks for next is not known]');
  });

  test('from the disk, and not at all', async () => {
    expect(await chain({ default: 'disk' }, {})).toMatchObject({ told: ['uefi-x64 is offered disk'], boots: true });
    expect(await chain({ bios: 'x' }, {})).toMatchObject({ told: ['uefi-x64 is offered nothing'], boots: false });
  });

  test('firmware that boots by HTTP, and iPXE, are offered URLs of this server where it serves HTTP', async () => {
    const script = '#!ipxe\nkernel http://${next-server}/debian/linux\n';
    const files = { 'ipxe.efi': x64, 'menus/menu.ipxe': script, 'debian/linux': 'k' };
    const { told, boots } = await chain(ipxe, files, { arch: 16, server: '192.168.7.1' }, { http: {} });
    expect(told).toEqual([
      'uefi-x64 is offered http://192.168.7.1/ipxe.efi',
      '  loader ipxe.efi: ipxe.efi',
      '    ipxe is offered http://192.168.7.1/menus/menu.ipxe',
      '      script menus/menu.ipxe: menus/menu.ipxe',
      '        kernel http://192.168.7.1/debian/linux: debian/linux',
    ]);
    expect(boots).toBe(true);
  });

  test('firmware that boots by HTTP only, where HTTP is not served', async () => {
    const { told } = await chain({ default: 'boot.efi' }, { 'boot.efi': x64 }, { firmware: 'uefi-x64', arch: 16 });
    expect(told).toEqual(['uefi-x64 is offered nothing: it boots by HTTP only, and HTTP is not served']);
  });
});

test('of a config as it is written, without a server', async () => {
  const dir = folderOf({ 'root/boot.efi': 'x' });
  const config = { rootDir: './root', plugins: [hosts({ [mac]: { boot: 'boot.efi' } })] };
  const { offer, next } = await explainBoot(config, { address: '0.0.0.0', mac, firmware: 'uefi-x64' }, { dir });
  expect(offer).toMatchObject({ offered: 'boot.efi', layout: 'direct', plugin: 'hosts' });
  expect(next).toMatchObject([{ kind: 'file', explanation: { served: { from: 'boot.efi', size: 1 } } }]);
});

test('as a tree, with the reasons for each offer', async () => {
  const { step } = await chain(ipxe, { 'ipxe.efi': x64 });
  expect(tellChain(step, '/lab').replace(/ {2}\(\d+\.\d ms\)/g, '')).toBe(`boot of uefi-x64, architecture 7
├─ client   52:54:00:12:34:56 (given), host default
│  └─ hosts: 52:54:00:12:34:56 → default
└─ offer    ipxe.efi, layout direct
   ├─ hosts: 52:54:00:12:34:56 uefi-x64 → ipxe.efi
   └─ loader   ipxe.efi → ipxe.efi, 1.0 KiB
      └─ iPXE is offered menus/menu.ipxe, layout direct
         ├─ hosts: 52:54:00:12:34:56 ipxe → menus/menu.ipxe
         └─ script   menus/menu.ipxe → ERROR 1: file not found
`);
});

describe('where a name in a script leads', () => {
  const server = '192.168.7.1';
  test.each<[written: string, folder: string, name: string | undefined]>([
    ['linux', 'a/b/', 'a/b/linux'],
    ['../linux', 'a/b/', 'a/linux'],
    ['/linux', 'a/b/', 'linux'],
    ['::linux', 'a/b/', 'linux'],
    ['../../../../etc/passwd', 'a/', 'etc/passwd'],
    ['tftp://192.168.7.1/a/linux', 'x/', 'a/linux'],
    ['tftp://192.0.2.1//linux', 'x/', 'linux'],
    ['http://192.168.7.1:8080/a%20b/linux?x#y', 'x/', 'a b/linux'],
    ['http://192.168.7.1/%zz', '', '%zz'],
    ['(tftp)/linux', 'x/', 'linux'],
    ['(http,192.168.7.1)/linux', 'x/', 'linux'],
    ['(tftp,192.168.7.9)/linux', 'x/', undefined],
    ['(hd0,gpt1)/linux', 'x/', undefined],
    ['http://192.168.7.9/linux', '', undefined],
    ['nfs://192.168.7.1/linux', '', undefined],
    ['http://192.168.7.1/', '', undefined],
    ['$x/linux', '', undefined],
  ])('%s', (written, folder, name) => {
    expect(ledTo(written, folder, server, true).name).toBe(name);
  });

  test('to nowhere by HTTP, where that is not served', () => {
    expect(ledTo('http://192.168.7.1/linux', '', server, false)).toMatchObject({ isFault: true });
    expect(ledTo('tftp://192.168.7.1/linux', '', server, false)).toEqual({ name: 'linux' });
  });
});

test.each<[string, Firmware, asked: readonly string[], normalized?: readonly string[]]>([
  ['sb/shimx64.efi', 'uefi-x64', ['sb/grubx64.efi']],
  ['shimaa64.efi', 'uefi-arm64', ['grubaa64.efi']],
  ['shimia32.efi', 'uefi-ia32', ['grubia32.efi']],
  ['sb/ipxe-shimx64.efi', 'uefi-x64', ['ipxe.efi'], ['ipxe.efi', 'sb/ipxe.efi']],
  ['sb/snponly-shim.efi', 'uefi-x64', ['ipxe.efi'], ['ipxe.efi', 'sb/snponly.efi', 'sb/ipxe.efi']],
  ['shim.efi', 'bios', []],
])('%s of %s loads %j', (shim, firmware, asked, normalized = asked) => {
  const configOf = (...plugins: Plugin[]) => resolveConfig({ rootDir: '.', plugins }, { dir: '/' });
  expect(secondStages(shim, firmware, configOf())).toEqual(asked);
  expect(secondStages(shim, firmware, configOf(normalize()))).toEqual(normalized);
});

test.each<[boot: object, told: string | undefined]>([
  [{ default: 'ipxe.efi', ipxe: 'menu.ipxe' }, 'ipxe.efi; ipxe: menu.ipxe'],
  [{ default: 'disk' }, 'disk'],
  [
    { bios: 'undionly.kpxe', 'uefi-x64': 'ipxe.efi', ipxe: 'http://{server}/m' },
    'bios: undionly.kpxe; uefi-x64: ipxe.efi; ipxe: http://{server}/m',
  ],
  [{ bios: false }, undefined],
])('the offers of a machine in short: %j', async (boot, told) => {
  const config = resolveConfig({ rootDir: '.', plugins: [hosts({ [mac]: { boot } })] }, { dir: '/' });
  const short = await withGeneration(config, async (generation) =>
    describeOffers(await offersTo(generation, { name: 'web1', mac, names: [] })),
  );
  expect(short).toBe(told);
});
