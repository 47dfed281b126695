/** What `boot` of a config offers to a machine, by firmware. */
import { hosts } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import { type Firmware, firmwares } from '../../../src/base/firmware.ts';
import { readyPlugins } from '../../../src/plugin/ready.ts';
import type { Trace } from '../../../src/plugin/trace.ts';
import type { Client } from '../../../src/plugin/types.ts';
import { bootRequest, environment, start } from '../../plugin/support.ts';

type Options = Parameters<typeof hosts>[0];

const MAC = '52:54:00:12:34:56';

async function offering(options: Options) {
  const env = environment();
  const pipeline = await start([hosts(options)], env);
  /** In short: what is offered; the refusal; or `nothing`. */
  const offer = async (firmware: Firmware | undefined, client: Partial<Client> = {}, trace: Trace = []): Promise<string> => {
    const request = bootRequest({ firmware: firmware as never, ...client });
    const { boot, error } = await pipeline.boot(request, { trace });
    if (error) return error.reason;
    if (boot === undefined) return 'nothing';
    const what = boot.kind === 'file' ? boot.name : boot.kind === 'url' ? boot.url : 'disk!';
    return boot.layout === undefined ? what : `${what} ${boot.layout}`;
  };
  return { env, offer };
}

describe('by firmware', () => {
  const boot = {
    bios: 'undionly.kpxe',
    'uefi-x64': 'efi64/ipxe.efi',
    'uefi-arm64': 'http://192.168.7.1/arm.efi',
    'uefi-arm32': false,
    'raspberry-pi': 'bootcode.bin',
    ipxe: 'menu.ipxe',
    default: 'disk',
  } as const;

  test.each<[Firmware | undefined, string]>([
    ['bios', 'undionly.kpxe'],
    ['uefi-x64', 'efi64/ipxe.efi'],
    ['uefi-arm64', 'http://192.168.7.1/arm.efi'],
    ['uefi-arm32', 'nothing'],
    ['uefi-riscv64', 'disk!'],
    ['raspberry-pi', 'bootcode.bin'],
    ['ipxe', 'menu.ipxe'],
    [undefined, 'disk!'],
  ])('%s', async (firmware, offered) => {
    expect(await (await offering({ default: { boot } })).offer(firmware)).toBe(offered);
  });

  test('one target is for every firmware but iPXE', async () => {
    const { offer } = await offering({ default: { boot: 'efi/boot.efi' } });
    for (const firmware of firmwares) expect(await offer(firmware)).toBe(firmware === 'ipxe' ? 'nothing' : 'efi/boot.efi');
  });

  test('without an entry for it there is no offer, and without `boot` none at all', async () => {
    const { offer } = await offering({ [MAC]: { boot: { bios: 'pxelinux.0' } }, default: { folder: 'lab' } });
    expect(await offer('uefi-x64')).toBe('nothing');
    expect(await offer('bios', { mac: '52:54:00:99:99:99' })).toBe('nothing');
  });
});

describe('the most specific entry that says something for the firmware decides', () => {
  const options: Options = {
    hosts: {
      [MAC]: { groups: ['rescue', 'lab'], boot: { bios: 'own.0' } },
      '52:54:00:*': { boot: { bios: 'pattern.0', 'uefi-ia32': 'pattern.efi' } },
      '52:54:00:00:00:01': { groups: ['lab'], boot: false },
      '52:54:00:00:00:02': { boot: 'disk', layout: 'menu' },
      default: { boot: { default: 'default.efi', ipxe: 'default.ipxe' }, layout: 'binl' },
    },
    groups: {
      rescue: { boot: { 'uefi-x64': 'rescue.efi' }, layout: 'direct' },
      lab: { groups: ['all'], boot: { 'uefi-x64': 'lab.efi', 'uefi-arm64': 'lab-arm.efi', bios: 'lab.0' } },
      all: { boot: { 'uefi-riscv64': 'all.efi' } },
    },
  };

  test.each<[Firmware, mac: string, string]>([
    ['bios', MAC, 'own.0 direct'],
    ['uefi-x64', MAC, 'rescue.efi direct'],
    ['uefi-arm64', MAC, 'lab-arm.efi direct'],
    ['uefi-riscv64', MAC, 'all.efi direct'],
    ['uefi-ia32', MAC, 'pattern.efi direct'],
    ['ipxe', MAC, 'default.ipxe direct'],
    ['bios', '52:54:00:00:00:01', 'nothing'],
    ['uefi-x64', '52:54:00:00:00:02', 'disk!'],
    ['ipxe', '52:54:00:00:00:02', 'disk!'],
    ['bios', '52:54:00:00:00:03', 'pattern.0 binl'],
    ['uefi-x64', '00:00:5e:00:00:03', 'default.efi binl'],
  ])('%s of %s', async (firmware, mac, offered) => {
    expect(await (await offering(options)).offer(firmware, { mac })).toBe(offered);
  });
});

describe('iPXE never gets iPXE', () => {
  const note = (loader: string) =>
    `iPXE asks, and "${loader}" would load iPXE again: name its script, as in boot: { ipxe: 'menu.ipxe', default: '${loader}' }`;

  test.each<[string, boot: unknown, offered: string, loader?: string]>([
    ['a loader alone', 'ipxe.efi', 'nothing', 'ipxe.efi'],
    ['a name that tells nothing', 'boot/x.efi', 'nothing', 'boot/x.efi'],
    ['a shim, which starts it', 'ipxe-shimx64.efi', 'nothing', 'ipxe-shimx64.efi'],
    ['in any spelling', { default: 'EFI/SNPONLY.EFI' }, 'nothing', 'EFI/SNPONLY.EFI'],
    ['under its own name', { ipxe: 'undionly.kpxe', default: 'pxelinux.0' }, 'nothing', 'undionly.kpxe'],
    ['the same file for both', { ipxe: 'x.efi', 'uefi-x64': 'x.efi' }, 'nothing', 'x.efi'],
    ['a URL', 'http://192.168.7.1/ipxe.efi?a=/x.ipxe', 'nothing', 'http://192.168.7.1/ipxe.efi?a=/x.ipxe'],
    ['another file under its own name', { ipxe: 'y.efi', default: 'x.efi' }, 'y.efi'],
    ['a script alone', 'menu.ipxe', 'menu.ipxe'],
    ['a script by URL', 'http://192.168.7.1/menu.ipxe?x', 'http://192.168.7.1/menu.ipxe?x'],
    ['a loader that is not iPXE', 'pxelinux.0', 'pxelinux.0'],
    ['GRUB', 'grub/grubx64.efi', 'grub/grubx64.efi'],
  ])('%s', async (_, boot, offered, loader) => {
    const { offer, env } = await offering({ default: { boot: boot as never } });
    const trace: Trace = [];
    expect(await offer('ipxe', {}, trace)).toBe(offered);
    expect(trace.at(-1)?.note).toBe(loader && note(loader));
    const lines = env.log.lines.map(({ level, message }) => [level, message]);
    expect(lines).toEqual(loader === undefined ? [] : [['warn', note(loader)]]);
    // Once is enough.
    await offer('ipxe');
    expect(env.log.lines).toHaveLength(lines.length);
  });

  test('the search goes on behind it', async () => {
    const { offer, env } = await offering({
      [MAC]: { boot: 'ipxe-debug.efi' },
      default: { boot: { ipxe: 'menu.ipxe', default: 'ipxe.efi' } },
    });
    expect(await offer('uefi-x64')).toBe('ipxe-debug.efi');
    expect(await offer('ipxe')).toBe('menu.ipxe');
    expect(env.log.lines).toEqual([]);
  });
});

describe('what is filled in', () => {
  const boot = { ipxe: 'http://{server}/{mac-dashes}.ipxe', 'uefi-x64': 'by-uuid/{uuid}.efi', default: 'x/{serial}/y.efi' };

  test('the machine, and the server on its wire', async () => {
    const { offer } = await offering({ default: { boot } });
    expect(await offer('ipxe')).toBe('http://192.168.7.1/52-54-00-12-34-56.ipxe');
    expect(await offer('uefi-x64', { uuid: 'b1c65f1a-2b5d-4f0e-9c55-0123456789ab' })).toBe(
      'by-uuid/b1c65f1a-2b5d-4f0e-9c55-0123456789ab.efi',
    );
  });

  test('an entry of which something is not known says nothing', async () => {
    const { offer } = await offering({ [MAC]: { boot }, default: { boot: 'fallback.efi' } });
    expect(await offer('uefi-x64')).toBe('fallback.efi');
    expect(await offer('bios', { serial: 'd1/../f0c2aa' })).toBe('fallback.efi');
    expect(await offer('bios', { serial: 'd1f0c2aa' })).toBe('x/d1f0c2aa/y.efi');
  });
});

describe('machines that nothing selects', () => {
  test.each<[unknown: Exclude<Options, Record<string, unknown>> | object, string]>([
    [{}, 'nothing'],
    [{ unknown: 'serve' }, 'nothing'],
    [{ unknown: 'refuse' }, 'forbidden'],
    [{ unknown: { boot: { default: 'stranger.efi' }, layout: 'menu' } }, 'stranger.efi menu'],
    [{ unknown: { folder: 'x' } }, 'nothing'],
  ])('%j', async (more, offered) => {
    const { offer } = await offering({ hosts: { [MAC]: { boot: 'own.efi' } }, ...more } as Options);
    expect(await offer('bios', { mac: '00:00:5e:00:00:01' })).toBe(offered);
    expect(await offer('bios')).toBe('own.efi');
  });

  test('a MAC address that is not trusted does not count', async () => {
    const options = { hosts: { [MAC]: { boot: 'own.efi' }, default: { boot: 'other.efi' } } };
    expect(await (await offering({ ...options, trust: ['leases'] })).offer('bios')).toBe('other.efi');
    expect(await (await offering({ ...options, trust: ['dhcp'] })).offer('bios')).toBe('own.efi');
  });
});

describe('mistakes, each with its path and a hint', () => {
  test.each<[unknown, path: string, message: string, hint?: string]>([
    [{ boot: { 'uefi-x46': 'a' } }, 'default.boot.uefi-x46', 'unknown key', 'did you mean "uefi-x64"?'],
    [{ boot: { x64: 'a', bios: 'b' } }, 'default.boot.x64', 'unknown key', `valid keys: ${firmwares.join(', ')}, default`],
    [{ boot: {} }, 'default.boot', 'names no firmware', `there are: ${firmwares.join(', ')}, default`],
    [{ boot: { bios: '../x' } }, 'default.boot.bios', 'expected a file under the root, without .., found "../x"'],
    [{ boot: '' }, 'default.boot', 'expected a file under the root, without .., found ""'],
    [{ boot: true }, 'default.boot', 'expected what to load, found true'],
    [{ boot: { bios: 5 } }, 'default.boot.bios', 'expected a file, a URL, "disk" or false, found 5'],
    [{ boot: ['a'] }, 'default.boot', 'expected a file, a URL, "disk" or false, found an array'],
    [
      { boot: { ipxe: 'tftp://192.168.7.1/x' } },
      'default.boot.ipxe',
      'expected an http: or https: URL without blanks, found "tftp://192.168.7.1/x"',
      'a file that TFTP serves stands alone, by its name under the root',
    ],
    [{ boot: 'http://x/a b' }, 'default.boot', 'expected an http: or https: URL without blanks, found "http://x/a b"'],
    [
      { boot: { ipxe: '{mca}.ipxe' } },
      'default.boot.ipxe',
      'contains an unknown placeholder',
      'known: {mac}, {mac-dashes}, {mac-bare}, {address}, {address-hex}, {uuid}, {serial}, {host}, {server}',
    ],
    [{ layout: 'bnil' }, 'default.layout', 'expected "direct", "binl" or "menu", found "bnil"', 'did you mean "binl"?'],
  ])('%j', (entry, path, message, hint) => {
    const { issues } = readyPlugins([hosts({ default: entry as never })]);
    expect(issues.map((issue) => [issue.path.slice(3).map(String).join('.'), issue.message])).toEqual([[path, message]]);
    if (hint !== undefined) expect(issues[0]?.hint).toBe(hint);
  });

  test('also of a group, and of `unknown`', () => {
    const bad = { boot: { bois: 'x' } } as never;
    const { issues } = readyPlugins([hosts({ hosts: {}, groups: { lab: bad }, unknown: bad })]);
    expect(issues.map(({ path }) => path.slice(3).map(String).join('.'))).toEqual(['groups.lab.boot.bois', 'unknown.boot.bois']);
  });

  test('options are typed: an editor knows the firmwares', () => {
    hosts({ default: { boot: { 'uefi-x64': 'a', ipxe: 'b', default: false }, layout: 'binl' } });
    // @ts-expect-error a firmware that there is not
    hosts({ default: { boot: { 'uefi-x46': 'a' } } });
    // @ts-expect-error a layout that there is not
    hosts({ default: { layout: 'bnil' } });
  });
});
