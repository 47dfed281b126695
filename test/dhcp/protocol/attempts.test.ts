/** Firmware that takes no offer of one layout gets the next one. */
import { expect, test } from 'vitest';
import { Attempts } from '../../../src/dhcp/protocol/attempts.ts';
import type { BootClient } from '../../../src/dhcp/protocol/boot-client.ts';

const uefi: BootClient = {
  vendorClass: 'PXEClient',
  arch: 7,
  firmware: 'uefi-x64',
  isIpxe: false,
  mac: '52:54:00:00:00:01',
  uuid: undefined,
  serial: undefined,
};

/** DISCOVERs at these seconds, `R` for a REQUEST: the layouts that they got, `!` where one differs from that before. */
function layouts(
  script: readonly (number | 'R')[],
  { client = uefi, first = 'direct' as const, attempts = new Attempts(10) } = {},
) {
  const got: string[] = [];
  for (const step of script) {
    if (step === 'R') attempts.goesOn(client.mac!);
    else {
      const { layout, isChanged } = attempts.discover(client, first, step * 1000);
      got.push(isChanged ? `${layout}!` : layout);
    }
  }
  return got.join(' ');
}

test.each([
  ['the four DISCOVERs of one attempt', [0, 4, 12, 28], 'direct direct direct binl!'],
  ['those of the next attempt, too', [0, 4, 12, 28, 61, 65, 73, 89], 'direct direct direct binl! binl binl menu! menu'],
  [
    'all layouts, and round again',
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    'direct direct direct binl! binl binl menu! menu menu direct!',
  ],
  ['a REQUEST keeps the layout that was taken', [0, 4, 12, 28, 'R', 100, 104, 112], 'direct direct direct binl! binl binl binl'],
  [
    'a boot that goes on each time changes nothing',
    [0, 'R', 20, 'R', 40, 'R', 60, 'R', 80],
    'direct direct direct direct direct',
  ],
  ['attempts far from each other are not one', [0, 4, 12, 100, 104, 112], 'direct direct direct direct direct direct'],
] as const)('%s', (_, script, expected) => expect(layouts(script)).toBe(expected));

test('the config says which layout comes first', () => {
  expect(layouts([0, 1, 2, 3, 4, 5, 6], { first: 'menu' as never })).toBe('menu menu menu direct! direct direct binl!');
});

test.each([
  ['a Raspberry Pi', { firmware: 'raspberry-pi' }],
  ['iPXE', { isIpxe: true }],
  ['UEFI HTTP Boot', { vendorClass: 'HTTPClient' }],
  ['a machine without a MAC address', { mac: undefined }],
] as const)('%s gets the same each time', (_, change) => {
  const client: BootClient = { ...uefi, ...change };
  expect(layouts([0, 1, 2, 3, 4, 5, 6], { client })).toBe(Array(7).fill('direct').join(' '));
});

test('machines seen longest ago are forgotten', () => {
  const attempts = new Attempts(3);
  for (let i = 0; i < 10; i++) attempts.discover({ ...uefi, mac: `52:54:00:00:00:0${i}` }, 'direct', i);
  expect(attempts.size).toBe(3);
});
