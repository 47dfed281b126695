/** What `pxe check` finds of boot targets: a table of configs that do not boot, each beside one that does. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { definePlugin, type Plugin } from 'pxe';
import { hosts, identify, normalize } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import { bootFindings } from '../../src/server/boot-check.ts';
import { withGeneration } from '../../src/server/create.ts';
import { folderOf } from '../config/support.ts';
import { resolveConfig } from '../kit/config.ts';
import { peFile } from '../kit/pe.ts';

const MAC = '52:54:00:12:34:56';
const OTHER = '52:54:00:12:34:57';

type Files = Readonly<Record<string, Uint8Array | string>>;

async function findings(
  plugins: readonly Plugin[],
  files: Files = {},
  keys: object = { dhcp: {} },
  severities: readonly string[] = ['error', 'warning'],
): Promise<string[]> {
  const dir = folderOf({ 'root/.keep': '' });
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, 'root', name)), { recursive: true });
    writeFileSync(join(dir, 'root', name), bytes);
  }
  const config = resolveConfig({ rootDir: './root', plugins, ...keys }, { dir });
  const found = await withGeneration(config, bootFindings);
  return found
    .filter(({ severity }) => severities.includes(severity))
    .map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`);
}

const x64 = peFile('x64');
const signed = peFile('x64', { isSigned: true });
const boot = (boot: unknown) => [hosts({ default: { boot: boot as never } })];
const noMachine = 'a machine that is not listed';
const script = { ipxe: 'menu.ipxe' };
const menu = { 'menu.ipxe': '#!ipxe' };

describe('one finding, and none once it is put right', () => {
  test.each<[what: string, wrong: readonly [unknown, Files?], found: string, right: readonly [unknown, Files?]]>([
    [
      'a loader that is missing',
      [{ 'uefi-x64': 'efi/boot.efi' }],
      `error plugins.0: ${noMachine} (uefi-x64): "efi/boot.efi" cannot be served: file not found`,
      [{ 'uefi-x64': 'efi/boot.efi' }, { 'efi/boot.efi': x64 }],
    ],
    [
      'one that is empty',
      [{ 'uefi-x64': 'boot.efi' }, { 'boot.efi': '' }],
      `error plugins.0: ${noMachine} (uefi-x64): "boot.efi" is empty`,
      [{ 'uefi-x64': 'boot.efi' }, { 'boot.efi': x64 }],
    ],
    [
      'a script of iPXE that is missing',
      [{ default: 'ipxe.efi', ...script }, { 'ipxe.efi': x64 }],
      `error plugins.0: ${noMachine} (ipxe): "menu.ipxe" cannot be served: file not found`,
      [
        { default: 'ipxe.efi', ...script },
        { 'ipxe.efi': x64, ...menu },
      ],
    ],
    [
      'a loader for another processor',
      [{ 'uefi-arm64': 'boot.efi' }, { 'boot.efi': x64 }],
      `error plugins.0: ${noMachine} (uefi-arm64): "boot.efi" is a program for uefi-x64, which is not among the firmware that it is offered to: uefi-arm64`,
      [{ 'uefi-arm64': 'boot.efi' }, { 'boot.efi': peFile('arm64') }],
    ],
    [
      'a UEFI program for a BIOS',
      [{ bios: 'boot.efi' }, { 'boot.efi': x64 }],
      `error plugins.0: ${noMachine} (bios): "boot.efi" is a program for uefi-x64, which is not among the firmware that it is offered to: bios`,
      [{ default: 'boot.efi' }, { 'boot.efi': x64 }],
    ],
    [
      'a BIOS program for UEFI',
      [{ 'uefi-x64': 'pxelinux.0' }, { 'pxelinux.0': 'x' }],
      `error plugins.0: ${noMachine} (uefi-x64): "pxelinux.0" is a BIOS program, and uefi-x64 cannot start it`,
      [{ bios: 'pxelinux.0' }, { 'pxelinux.0': 'x' }],
    ],
    [
      'iPXE that gets nothing',
      [{ 'uefi-x64': 'ipxe.efi' }, { 'ipxe.efi': x64 }],
      `warning plugins.0: ${noMachine}: loads iPXE ("ipxe.efi"), which then asks what to boot and gets no offer: name its script, as in boot: { ipxe: 'menu.ipxe', default: 'ipxe.efi' }`,
      [{ 'uefi-x64': 'ipxe.efi', ipxe: false }, { 'ipxe.efi': x64 }],
    ],
    [
      'a URL of this server, which serves no HTTP',
      [{ ipxe: 'http://{server}/menu.ipxe' }, menu],
      `error plugins.0: ${noMachine} (ipxe): "http://{server}/menu.ipxe" leads to this server, which does not serve HTTP: add \`http: {}\` to the config`,
      [{ ipxe: 'http://192.168.7.9/menu.ipxe' }],
    ],
    [
      'a shim without its GRUB',
      [{ 'uefi-x64': 's/shimx64.efi' }, { 's/shimx64.efi': signed }],
      `error plugins.0: ${noMachine} (uefi-x64): "s/shimx64.efi" is a shim, and loads "s/grubx64.efi", which cannot be served: file not found`,
      [{ 'uefi-x64': 's/shimx64.efi' }, { 's/shimx64.efi': signed, 's/grubx64.efi': signed }],
    ],
    [
      'a GRUB without a signature behind a shim',
      [{ 'uefi-x64': 'shimx64.efi' }, { 'shimx64.efi': signed, 'grubx64.efi': x64 }],
      `error plugins.0: ${noMachine} (uefi-x64): "shimx64.efi" is a shim, and loads "grubx64.efi", which is not signed: Secure Boot refuses it`,
      [{ 'uefi-x64': 'shimx64.efi' }, { 'shimx64.efi': signed, 'grubx64.efi': signed }],
    ],
    [
      'a shim without a signature',
      [{ 'uefi-x64': 'shimx64.efi' }, { 'shimx64.efi': x64, 'grubx64.efi': x64 }],
      `warning plugins.0: ${noMachine} (uefi-x64): "shimx64.efi" is not signed: Secure Boot refuses it`,
      [{ 'uefi-x64': 'shimx64.efi' }, { 'shimx64.efi': signed, 'grubx64.efi': signed }],
    ],
    [
      'a shim for arm64, which loads another GRUB',
      [{ 'uefi-arm64': 'shimaa64.efi' }, { 'shimaa64.efi': peFile('arm64', { isSigned: true }), 'grubx64.efi': signed }],
      `error plugins.0: ${noMachine} (uefi-arm64): "shimaa64.efi" is a shim, and loads "grubaa64.efi", which cannot be served: file not found`,
      [
        { 'uefi-arm64': 'shimaa64.efi' },
        { 'shimaa64.efi': peFile('arm64', { isSigned: true }), 'grubaa64.efi': peFile('arm64', { isSigned: true }) },
      ],
    ],
  ])('%s', async (_, [wrong, files], found, [right, put]) => {
    expect(await findings(boot(wrong), files)).toEqual([found]);
    expect(await findings(boot(right), put)).toEqual([]);
  });

  test("iPXE's shim asks for ipxe.efi in the root, where `normalize` takes the file beside the shim for it", async () => {
    const files = { 'sb/snponly-shimx64.efi': signed, 'sb/snponly.efi': signed, ...menu };
    const target = boot({ 'uefi-x64': 'sb/snponly-shimx64.efi', ...script });
    expect(await findings(target, files)).toEqual([expect.stringContaining('is a shim, and loads "ipxe.efi", which cannot be')]);
    expect(await findings(target, { ...files, 'ipxe.efi': signed })).toEqual([]);
    expect(await findings([normalize(), ...target], files)).toEqual([]);
  });

  test('where the signed GRUB asks for its files is a note', async () => {
    const found = await findings(
      boot({ 'uefi-x64': 'shimx64.efi' }),
      { 'shimx64.efi': signed, 'grubx64.efi': signed },
      { dhcp: {} },
      ['note'],
    );
    expect(found).toEqual([expect.stringMatching(/^note plugins\.0: .*"shimx64\.efi" starts GRUB: .*\(next-server\), not here/)]);
  });

  test('a URL of this server is opened where it serves HTTP', async () => {
    const keys = { dhcp: {}, http: {} };
    expect(await findings(boot({ ipxe: 'http://{server}/menu.ipxe' }), menu, keys)).toEqual([]);
    expect(await findings(boot({ ipxe: 'http://{server}/a%20b.ipxe' }), menu, keys)).toEqual([
      `error plugins.0: ${noMachine} (ipxe): "http://{server}/a%20b.ipxe" cannot be served: file not found`,
    ]);
  });

  test('a URL that no name can be made of is no failure of the check', async () => {
    expect(await findings(boot({ ipxe: 'http://{server}/%zz.ipxe' }))).toEqual([expect.stringContaining('does not serve HTTP')]);
  });
});

describe('the machines of a config', () => {
  test('are each asked about, and what several share is one finding', async () => {
    const macs = Object.fromEntries(
      Array.from({ length: 50 }, (_, n) => [`52:54:00:00:00:${n.toString(16).padStart(2, '0')}`, { groups: ['lab'] }]),
    );
    const plugins = [hosts({ hosts: macs, groups: { lab: { boot: { bios: 'gone.0' } } } })];
    expect(await findings(plugins)).toEqual([
      'error plugins.0: 52:54:00:00:00:00 and 49 more (bios): "gone.0" cannot be served: file not found',
    ]);
  });

  test('may get another file by the same name', async () => {
    const plugins = [
      hosts({
        hosts: { [MAC]: { name: 'web1', folder: 'web1' }, [OTHER]: { name: 'web2', folder: 'web2' } },
        groups: {},
        unknown: { boot: 'boot.efi' },
      }),
      hosts({ default: { boot: { 'uefi-x64': 'boot.efi' } } }),
    ];
    const files = { 'web1/boot.efi': x64, 'web2/boot.efi': peFile('arm64'), 'boot.efi': x64 };
    expect(await findings(plugins, files)).toEqual([
      'error plugins.0: web2 (uefi-x64): "boot.efi" is a program for uefi-arm64, which is not among the firmware that it is offered to: uefi-x64',
    ]);
  });

  test('iPXE in a circle is an error, whichever plugin sends it there', async () => {
    const always = definePlugin({ name: 'always', setup: () => ({ boot: () => 'undionly.kpxe' }) });
    expect(await findings([always()], { 'undionly.kpxe': 'x' })).toEqual([
      `error plugins.0: ${noMachine}: iPXE would load "undionly.kpxe" again and again: name its script, as in boot: { ipxe: 'menu.ipxe', default: 'undionly.kpxe' }`,
    ]);
  });
});

describe('what a config leaves out', () => {
  test('`boot`, where DHCP is served', async () => {
    const says = 'warning dhcp: no plugin says what a machine is to boot, so none gets an offer: give `hosts` a `boot`';
    expect(await findings([hosts({ default: { folder: 'x' } })])).toEqual([says]);
    expect(await findings([])).toEqual([says]);
    expect(await findings([], {}, {})).toEqual([]);
  });

  test('DHCP, where `identify` goes by it', async () => {
    const found = 'warning plugins.0.options.dhcp: can find nothing: DHCP is not served; add `dhcp: {}` to the config';
    expect(await findings([identify({ dhcp: true })], {}, {})).toEqual([found]);
    expect(await findings([identify({ dhcp: false, filename: true })], {}, {})).toEqual([]);
    expect(await findings([identify({ dhcp: true }), ...boot('disk')])).toEqual([]);
  });

  test('DHCP, where `boot` is there', async () => {
    expect(await findings(boot({ 'uefi-x64': 'boot.efi' }), { 'boot.efi': x64 }, {})).toEqual([
      `warning plugins.0: ${noMachine} (uefi-x64): has no effect: DHCP is not served; add \`dhcp: {}\` to the config`,
    ]);
  });

  test('nothing of a config whose machines boot from their disks', async () => {
    expect(await findings(boot('disk'))).toEqual([]);
  });
});
