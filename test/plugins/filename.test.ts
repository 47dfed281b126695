import { describe, expect, test } from 'vitest';
import { claimsInName, macInName, serialInName, uuidInName } from '../../plugins/filename.ts';

describe('a MAC address', () => {
  test.each([
    ['pxelinux.cfg/01-52-54-00-12-34-56', true],
    ['pxelinux.cfg/01-52-54-00-12-34-56.cfg', true],
    ['grub/grub.cfg-01-52-54-00-12-34-56', true],
    ['52:54:00:12:34:56/kernel', true],
    ['52-54-00-12-34-56.ipxe', true],
    ['525400123456', true],
    ['cfg/525400123456.cfg', true],
    ['boot-52-54-00-12-34-56.ipxe', true],
    ['menu/node-52-54-00-12-34-56-kernel', true],
    ['host=52:54:00:12:34:56&x', true],
    ['boot.ipxe-52:54:00:12:34:56', true],
    ['SEP525400123456.cnf.xml', true],
    ['MAC-525400123456.ipxe', true],
    ['boot/mac-525400123456.ipxe', true],
    ['mac_525400123456', true],
    ['mac525400123456.cfg', true],
    ['MAC-525400123456-serial.ipxe', true],
    ['cfg525400123456', true],
    ['cfg525400123456.xml', true],
    ['CTLSEP525400123456.tlv', true],
    ['ITLSEP525400123456.tlv', true],
    ['SEP525400123456.cnf.xml.sgn', true],
    ['SIP525400123456.cnf', true],
    ['ATA525400123456.cnf.xml', true],
    ['spa525400123456.cfg', true],
    ['spa525400123456.xml', true],
    ['obi525400123456.xml', true],
    ['config.525400123456.xml', true],
    ['Config525400123456.cfg', true],
    ['sipconfig-525400123456.txt', true],
    ['MN_525400123456.cfg', true],
    ['snomD735-525400123456.htm', true],
    ['525400123456-registration.cfg', true],
    ['525400123456-app.log', true],
    ['log/525400123456-now-app.log', true],
    ['525400123456-boot.log', true],
    ['525400123456-directory.xml', true],
    ['525400123456-contacts.xml', true],
    ['525400123456-local.cfg', true],
    ['menu.lst.01525400123456', true],
    ['grub.cfg.01525400123456', true],
    ['pxelinux.cfg/01-525400123456', true],
    ['grub/grub.cfg-01-525400123456', true],
    ['52-54-00-AB-CD-EF', '52:54:00:ab:cd:ef'],
    ['pxelinux.cfg/4c4c4544-0044-4a10-8036-525400123456', undefined],
    ['0044-525400123456', undefined],
    // Twelve digits of something else: a date, a commit, a kind of phone.
    ['backup-202611301200.cfg', undefined],
    ['linux-a1b2c3d4e5f6.img', undefined],
    ['a1b2c3d4e5f6-vmlinuz', undefined],
    ['a1b2c3d4e5f6-initrd.img', undefined],
    ['initrd-525400123456', undefined],
    ['y000000000028.cfg', undefined],
    ['spam525400123456.cfg', undefined],
    ['macos-525400123456.img', undefined],
    ['cfg5254001234567.xml', undefined],
    ['cfg525400123456x.xml', undefined],
    ['SEP52540012345.cnf.xml', undefined],
    ['mac-000000000000.ipxe', undefined],
    ['cfgffffffffffff.xml', undefined],
    ['01525400123456', undefined],
    ['menu.lst.06525400123456', undefined],
    ['525400123456-registrations', undefined],
    ['x525400123456-app.log', undefined],
    ['5254001234567', undefined],
    ['52-54-00-12-34-56-78', undefined],
    ['06-52-54-00-12-34-56', undefined],
    ['x/06-52-54-00-12-34-56', undefined],
    ['grub.cfg-01-52-54-00-12-34-56-78', undefined],
    ['52:54:00:12:34:56:78', undefined],
    ['a52:54:00:12:34:56', undefined],
    ['x/ff-ff-ff-ff-ff-ff', undefined],
    ['000000000000', undefined],
    ['01-01-00-5e-00-00-01', undefined],
    ['deadbeef/vmlinuz', undefined],
    ['C0A80714', undefined],
  ])('%s', (name, expected) => {
    expect(macInName(name)).toBe(expected === true ? '52:54:00:12:34:56' : expected);
  });
});

test.each([
  // PXELINUX prints the octets as SMBIOS stores them; `dmidecode` on the same machine says 4c4c4544-0044-4a10-….
  ['pxelinux.cfg/44454c4c-4400-104a-8036-c4c04f4e4b32', '4c4c4544-0044-4a10-8036-c4c04f4e4b32'],
  ['boot/pxelinux.cfg/44454C4C-4400-104A-8036-C4C04F4E4B32', '4c4c4544-0044-4a10-8036-c4c04f4e4b32'],
  ['4c4c4544-0044-4a10-8036-c4c04f4e4b32/boot.ipxe', '4c4c4544-0044-4a10-8036-c4c04f4e4b32'],
  ['menu-4C4C4544-0044-4A10-8036-C4C04F4E4B32.ipxe', undefined],
  ['menu/4C4C4544-0044-4A10-8036-C4C04F4E4B32.ipxe', '4c4c4544-0044-4a10-8036-c4c04f4e4b32'],
  ['xpxelinux.cfg/44454c4c-4400-104a-8036-c4c04f4e4b32', '44454c4c-4400-104a-8036-c4c04f4e4b32'],
  ['00000000-0000-0000-0000-000000000000', undefined],
  ['ffffffff-ffff-ffff-ffff-ffffffffffff', undefined],
  ['4c4c4544-0044-4a10-8036-c4c04f4e4b3', undefined],
  ['4c4c4544-0044-4a10-8036-c4c04f4e4b32-1', undefined],
])('the UUID in %s', (name, expected) => {
  expect(uuidInName(name)).toBe(expected);
});

test.each([
  ['d1f0c2aa/start4.elf', 'd1f0c2aa'],
  ['d1f0c2aa/overlays/x.dtbo', 'd1f0c2aa'],
  ['boot/d1f0c2aa/start4.elf', undefined],
  ['D1F0C2AA/start4.elf', undefined],
  ['10000000d1f0c2aa/start4.elf', 'd1f0c2aa'],
  ['10000000d1f0c2aa/kernel8.img', 'd1f0c2aa'],
  ['10000000d1f0c2aa/overlays/overlay_map.dtb', 'd1f0c2aa'],
  ['10000000d1f0c2aa/vmlinuz', undefined],
  ['0123456789abcdef0/start4.elf', undefined],
  ['123456789abc/start4.elf', undefined],
  ['dc-a6-32-12-34-56/start4.elf', undefined],
  ['d1f0c2aa', undefined],
  ['d1f0c2a/start4.elf', undefined],
  ['pxelinux.cfg/C0A80714', undefined],
])('the serial number in %s', (name, expected) => {
  expect(serialInName(name)).toBe(expected);
});

test('a name may claim several things', () => {
  const uuid = '4c4c4544-0044-4a10-8036-c4c04f4e4b32';
  expect(claimsInName(`d1f0c2aa/${uuid}/52:54:00:12:34:56`)).toEqual({ mac: '52:54:00:12:34:56', uuid, serial: 'd1f0c2aa' });
  expect(claimsInName(`x/${uuid}`)).toEqual({ uuid });
  expect(claimsInName('d1f0c2aa/x')).toEqual({ serial: 'd1f0c2aa' });
  expect(claimsInName('vmlinuz')).toBeUndefined();
});
