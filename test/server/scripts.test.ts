/** Which files the scripts of boot loaders name. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: iPXE and GRUB write variables so
import { describe, expect, test } from 'vitest';
import { filesOfGrub } from '../../src/server/scripts/grub.ts';
import { filesOfIpxe, isIpxeScript } from '../../src/server/scripts/ipxe.ts';
import { filesOfPxelinux } from '../../src/server/scripts/pxelinux.ts';
import type { NamedFile } from '../../src/server/scripts/script.ts';

const told = (files: readonly NamedFile[]) =>
  files.map(({ role, name, line, entry }) => `${line} ${role} ${name}${entry === undefined ? '' : ` (${entry})`}`);

describe('iPXE', () => {
  const settings = { mac: '52:54:00:12:34:56', 'next-server': '192.168.7.1', hostname: undefined };
  const files = (...lines: readonly string[]) => told(filesOfIpxe(['#!ipxe', ...lines].join('\n'), settings));

  test.each<[string, readonly string[], readonly string[]]>([
    [
      'kernel, initrd, boot',
      ['kernel debian/linux console=ttyS0 initrd=initrd.gz', 'initrd debian/initrd.gz', 'boot'],
      ['2 kernel debian/linux', '3 initrd debian/initrd.gz'],
    ],
    [
      'options, with values and without',
      [
        'kernel --name vmlinuz --timeout 5000 http://x/linux quiet',
        'initrd -n a http://x/i',
        'chain --replace --autofree b.ipxe',
      ],
      ['2 kernel http://x/linux', '3 initrd http://x/i', '4 script b.ipxe'],
    ],
    ['a loader that is chained', ['chain grubx64.efi', 'chain pxelinux.0'], ['2 loader grubx64.efi', '3 loader pxelinux.0']],
    [
      'several commands on a line',
      ['kernel a && initrd b || shell', 'echo x ; chain c'],
      ['2 kernel a', '2 initrd b', '3 script c'],
    ],
    [
      'settings',
      ['chain http://${next-server}/${net0/mac:hexhyp}.ipxe', 'chain ${mac:hexraw}/${net0/mac}', 'chain ${hostname}.ipxe'],
      [
        '2 script http://192.168.7.1/52-54-00-12-34-56.ipxe',
        '3 script 525400123456/52:54:00:12:34:56',
        '4 script ${hostname}.ipxe',
      ],
    ],
    [
      'settings of its own',
      ['set base http://x/y', 'set dist debian', 'kernel ${base}/${dist}/linux'],
      ['4 kernel http://x/y/debian/linux'],
    ],
    [
      'settings unless they are there',
      ['isset ${mac} || set mac none', 'isset ${menu} || set menu a.ipxe', 'chain ${mac}', 'chain ${menu}'],
      ['4 script 52:54:00:12:34:56', '5 script a.ipxe'],
    ],
    [
      'each entry of a menu',
      [
        'menu Boot',
        'item deb Debian',
        'choose x && goto ${x}',
        ':deb',
        'kernel linux',
        'goto end',
        ':disk',
        'sanboot --no-describe --drive 0x80',
      ],
      ['6 kernel linux (deb)'],
    ],
    ['a line that goes on', ['kernel linux \\', '  a=b \\', '  c', 'initrd i'], ['2 kernel linux', '5 initrd i']],
    [
      'neither comments nor what only looks like a command',
      ['# kernel x', 'echo kernel x', 'kernels y', 'imgargs linux a', 'boot linux'],
      [],
    ],
    [
      'an image by URL',
      ['sanboot http://x/cd.iso', 'boot http://x/linux'],
      ['2 image http://x/cd.iso', '3 kernel http://x/linux'],
    ],
  ])('%s', (_, lines, named) => {
    expect(files(...lines)).toEqual(named);
  });

  test.each([
    ['#!ipxe\n', true],
    ['#!gpxe', true],
    ['#!ipxe\r\nchain x', true],
    ['#!/bin/sh', false],
    ['#ipxe', false],
    ['MZ', false],
  ])('%j is a script: %s', (text, is) => {
    expect(isIpxeScript(text)).toBe(is);
  });
});

describe('PXELINUX', () => {
  test('labels with their kernels and initrds', () => {
    const text = [
      'DEFAULT menu.c32',
      'include common.cfg',
      'LABEL debian',
      '  KERNEL debian/linux',
      '  APPEND vga=788 initrd=debian/initrd.gz,firmware.gz --- quiet',
      'label arm',
      '  linux ::/vmlinuz quiet initrd=a',
      '  initrd b.gz,c.gz',
      '  fdt board.dtb',
      'label mem',
      '  kernel memtest.0',
      '  com32 chain.c32',
      'label disk',
      '  localboot 0',
      '# kernel no',
    ].join('\r\n');
    expect(told(filesOfPxelinux(text))).toEqual([
      '2 config common.cfg',
      '4 kernel debian/linux (debian)',
      '5 initrd debian/initrd.gz (debian)',
      '5 initrd firmware.gz (debian)',
      '7 kernel ::/vmlinuz (arm)',
      '7 initrd a (arm)',
      '8 initrd b.gz (arm)',
      '8 initrd c.gz (arm)',
      '9 image board.dtb (arm)',
      '11 loader memtest.0 (mem)',
      '12 loader chain.c32 (mem)',
    ]);
  });

  test('nothing of an empty one', () => {
    expect(filesOfPxelinux('')).toEqual([]);
  });
});

describe('GRUB', () => {
  test('menu entries with their kernels and initrds', () => {
    const text = [
      "set root='(tftp,192.168.7.1)'",
      'set base=/debian',
      'if [ -e $prefix/custom.cfg ]; then source $prefix/custom.cfg; fi',
      "menuentry 'Debian; 12' --class debian {",
      '  linux ${base}/linux console=ttyS0 # not initrd x',
      '  initrd $base/initrd.gz "$base/my firmware.gz"',
      '}',
      'menuentry "Windows" { chainloader ($root)/bootmgfw.efi; boot }',
      'configfile (http,$net_default_server)/$unknown/grub.cfg',
      'echo linux x',
      "linuxefi it\\'s",
    ].join('\n');
    expect(told(filesOfGrub(text, { prefix: '(tftp)/grub', net_default_server: '192.168.7.1' }))).toEqual([
      '3 config (tftp)/grub/custom.cfg',
      '5 kernel /debian/linux (Debian; 12)',
      '6 initrd /debian/initrd.gz (Debian; 12)',
      '6 initrd /debian/my firmware.gz (Debian; 12)',
      '8 loader ((tftp,192.168.7.1))/bootmgfw.efi (Windows)',
      '9 config (http,192.168.7.1)/$unknown/grub.cfg',
      "11 kernel it's",
    ]);
  });
});

test('hostile text makes none of them throw, or take long', () => {
  const hostile = [
    '${'.repeat(50_000),
    '"'.repeat(50_001),
    `kernel ${'\\\n'.repeat(20_000)}`,
    'initrd=,'.repeat(20_000),
    '\\'.repeat(60_000),
    '{;}'.repeat(20_000),
  ];
  for (const text of hostile) for (const read of [filesOfIpxe, filesOfPxelinux, filesOfGrub]) read(text);
}, 5000);
