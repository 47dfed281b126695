/** What the kinds of machines ask for, byte by byte as real ones were recorded. */
import { describe, expect, test } from 'vitest';
import { Opcode } from '../../../src/tftp/protocol/packet.ts';
import type { ProfileName } from '../../../src/tftp/storm/profile.ts';
import { toHex } from '../../kit/hex.ts';
import { readVectors } from '../../kit/vectors.ts';
import { simulate, spelt } from './support.ts';

const vectors = readVectors();

/** The recorded requests of a client for a name, in the order of the file. */
function recorded(client: string, name: string): string[] {
  const found = vectors.filter((vector) => vector.client === client && vector.name === name);
  expect(found.length, `${client} ${name}`).toBeGreaterThan(0);
  return found.map(({ bytes }) => toHex(bytes));
}

function boot(profile: ProfileName, load: readonly string[], more: Partial<Parameters<typeof simulate>[0]> = {}) {
  const files = Object.fromEntries(load.map((name) => [name, 5000]));
  const ran = simulate({ load, files, profiles: [profile], ...more });
  expect(ran.leftovers).toEqual([]);
  return ran;
}

describe('requests as recorded', () => {
  test.each<[ProfileName, client: string, name: string]>([
    ['edk2', 'ovmf-ipxe', 'ipxe.efi'],
    ['ipxe', 'ipxe-pxe', 'ipxe.pxe'],
    ['ipxe', 'ovmf-ipxe', 'marker.ipxe'],
    ['grub', 'grub-pc', '/g-i386-pc/i386-pc/normal.mod'],
    ['uboot', 'uboot-x86', 'f14280'],
  ])('%s: %s %s', (profile, client, name) => {
    const { requests, result } = boot(profile, [name]);
    expect(requests.map(({ bytes }) => toHex(bytes))).toEqual(recorded(client, name));
    expect(result.boots.completed).toBe(1);
  });

  test('uboot with a window', () => {
    const { requests } = boot('uboot', ['payload.bin'], { options: { blockSize: 1024, windowSize: 8 } });
    expect(requests.map(({ bytes }) => toHex(bytes))).toEqual(recorded('uboot-x86', 'payload.bin'));
  });

  test('pxelinux: its first file by the ROM, the others by itself', () => {
    const { requests } = boot('pxelinux', ['px-mac/pxelinux.0', 'px-mac/ldlinux.c32']);
    expect([toHex(requests[0]!.bytes)]).toEqual(recorded('pxelinux-mac', 'px-mac/pxelinux.0'));
    expect([toHex(requests.at(-1)!.bytes)]).toEqual(recorded('pxelinux-mac', 'px-mac/ldlinux.c32'));
  });
});

test('edk2 ends its probe by ERROR 8, from another port than the file comes to', () => {
  const { server, requests, result } = boot('edk2', ['ipxe.efi']);
  expect(server.endings.map(({ outcome }) => outcome)).toEqual(['probed', 'completed']);
  expect(server.endings[0]!.error).toEqual({ code: 8, message: 'User aborted the transfer' });
  expect(requests[0]!.port).not.toBe(requests[1]!.port);
  expect(result.requests).toEqual({ completed: 1, probed: 1, absent: 0, failed: 0 });
});

describe('pxelinux searches', () => {
  const chain = [
    'pxelinux.cfg/00000000-0000-0000-0000-525400000001',
    'pxelinux.cfg/01-52-54-00-00-00-01',
    ...['0A000001', '0A00000', '0A0000', '0A000', '0A00', '0A0', '0A', '0'].map((hex) => `pxelinux.cfg/${hex}`),
    'pxelinux.cfg/default',
  ];

  test('by ERROR 1 to the end, and that is no failure', () => {
    const { requests, result } = boot('pxelinux', ['pxelinux.0', 'vmlinuz']);
    expect(requests.map(({ packet }) => packet.name)).toEqual(['pxelinux.0', ...chain, 'vmlinuz']);
    expect(result.requests).toEqual({ completed: 2, probed: 0, absent: chain.length, failed: 0 });
    expect(result.boots.completed).toBe(1);
  });

  test('until something is found', () => {
    const { requests, result } = boot('pxelinux', ['a/pxelinux.0', 'a/vmlinuz'], {
      files: { 'a/pxelinux.0': 100, [`a/${chain[1]}`]: 300, 'a/vmlinuz': 100 },
    });
    expect(requests.map(({ packet }) => packet.name)).toEqual(['a/pxelinux.0', `a/${chain[0]}`, `a/${chain[1]}`, 'a/vmlinuz']);
    expect(result.requests).toMatchObject({ completed: 3, absent: 1 });
  });
});

test('rpi repeats its request from the same port, and gets one transfer', () => {
  const { requests, server, network } = boot('rpi', ['1234abcd/start.elf'], { files: { '1234abcd/start.elf': 100_000 } });
  expect(requests).toHaveLength(4);
  expect(new Set(requests.map(({ port }) => port)).size).toBe(1);
  expect(spelt(requests[0]!.packet.options)).toBe('tsize=0 blksize=1024');
  const gaps = requests.slice(1).map(({ at }, i) => at - requests[i]!.at);
  for (const gap of gaps) {
    expect(gap).toBeGreaterThanOrEqual(5);
    expect(gap).toBeLessThanOrEqual(9);
  }
  expect(server.requests).toHaveLength(1);
  expect(network.sent).toBeGreaterThan(100);
});

test('names are the machine’s', () => {
  const { requests } = boot('ipxe', ['{n}/{mac}.cfg'], {
    arrivals: new Float64Array(2),
    files: { '1/52-54-00-00-00-01.cfg': 10, '2/52-54-00-00-00-02.cfg': 10 },
  });
  expect(requests.map(({ packet }) => packet.name).sort()).toEqual(['1/52-54-00-00-00-01.cfg', '2/52-54-00-00-00-02.cfg']);
  expect(requests.every(({ packet }) => packet.opcode === Opcode.rrq)).toBe(true);
});
