/** Boot loaders by the names that they come with. */
import { expect, test } from 'vitest';
import { type LoaderKind, loaderKind } from '../../src/base/loader.ts';

test.each<[LoaderKind | undefined, readonly string[]]>([
  [
    'ipxe',
    [
      ...[
        'ipxe.efi',
        'IPXE.EFI',
        'a/b/snponly.efi',
        'snp.efi',
        'undionly.kpxe',
        'undionly.kkpxe',
        'x.kkkpxe',
        'ipxe.pxe',
        'ipxe.lkrn',
      ],
      ...[
        'ipxe-arm64.efi',
        'snponly-x64.efi',
        'arm64-efi/ipxe.efi',
        'my-ipxe.efi',
        'netboot.xyz.efi',
        'netboot.xyz-snp.efi',
        'netboot.xyz.kpxe',
      ],
      ...['http://192.168.7.1/ipxe.efi', 'http://192.168.7.1/ipxe.efi?mac=1#/menu.ipxe'],
    ],
  ],
  ['ipxe-script', ['menu.ipxe', 'a/autoexec.ipxe', 'http://x/boot.ipxe?mac=52:54:00:12:34:56']],
  ['shim', ['shimx64.efi', 'shimaa64.efi.signed', 'ipxe-shimx64.efi', 'ipxe-shim.efi', 'shim.efi', 'debian/bootnetx64.efi']],
  ['pxelinux', ['pxelinux.0', 'lpxelinux.0', 'gpxelinux.0', 'bios/pxelinux.bin']],
  ['syslinux', ['efi64/syslinux.efi', 'syslinux32.efi']],
  ['grub', ['grubx64.efi', 'grubnetx64.efi.signed', 'grubaa64.efi', 'core.0', 'grub/i386-pc/core.0', 'grub2pxe']],
  ['u-boot', ['u-boot.bin', 'boot.scr', 'boot.scr.uimg']],
  ['raspberry-pi', ['bootcode.bin', 'd1f0c2aa/start4.elf', 'start.elf']],
  ['windows', ['wdsnbp.com', 'boot/x64/wdsmgfw.efi', 'Boot\\bootmgfw.efi'.replace('\\', '/'), 'pxeboot.n12']],
  ['kernel', ['vmlinuz', 'debian/linux', 'vmlinuz-6.1.0-13-amd64', 'bzImage']],
  [
    undefined,
    ['boot.efi', 'bootx64.efi', 'BOOTAA64.EFI', 'initrd.gz', 'README', '', 'ipxe/README', 'pxe/boot.txt', 'snapshot.efi'],
  ],
])('%s', (kind, names) => {
  expect(names.map((name) => [name, loaderKind(name)])).toEqual(names.map((name) => [name, kind]));
});
