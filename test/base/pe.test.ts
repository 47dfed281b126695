/** Headers of EFI programs: of made ones, and of the firmware packages where they are installed. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type PeHeader, readPe } from '../../src/base/pe.ts';
import { peFile } from '../kit/pe.ts';
import { describeWith, requireFiles } from '../kit/tools.ts';

test.each<[string, Uint8Array, PeHeader | undefined]>([
  ['x64', peFile('x64'), { firmware: 'uefi-x64', isSigned: false }],
  ['x64, signed', peFile('x64', { isSigned: true }), { firmware: 'uefi-x64', isSigned: true }],
  ['IA32, whose header is shorter', peFile('ia32', { isSigned: true }), { firmware: 'uefi-ia32', isSigned: true }],
  ['arm64', peFile('arm64'), { firmware: 'uefi-arm64', isSigned: false }],
  ['RISC-V', peFile('riscv64'), { firmware: 'uefi-riscv64', isSigned: false }],
  ['a machine that no firmware has', peFile(0x1f0), { firmware: undefined, isSigned: false }],
  ['a script', Buffer.from('#!ipxe\nchain x\n'), undefined],
  ['nothing', Buffer.alloc(0), undefined],
  ['a DOS program', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(100)]), undefined],
  ['a header that lies beyond', peFile('x64', { bytes: 0x7f }), undefined],
  ['one that is cut within', peFile('x64', { isSigned: true, bytes: 0xa0 }), { firmware: 'uefi-x64', isSigned: false }],
])('%s', (_, bytes, header) => {
  expect(readPe(bytes)).toEqual(header);
});

test('no bytes make it throw', () => {
  const whole = peFile('x64', { isSigned: true });
  for (let size = 0; size <= whole.length; size++) readPe(whole.subarray(0, size));
  for (let at = 0; at < 300; at++) {
    const broken = Buffer.from(whole);
    broken[at] = 0xff;
    readPe(broken);
  }
});

const programs: readonly (readonly [file: string, header: PeHeader])[] = [
  ['/usr/lib/shim/shimx64.efi.signed', { firmware: 'uefi-x64', isSigned: true }],
  ['/usr/lib/shim/shimx64.efi', { firmware: 'uefi-x64', isSigned: false }],
  ['/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', { firmware: 'uefi-x64', isSigned: true }],
  ['/usr/lib/ipxe/ipxe.efi', { firmware: 'uefi-x64', isSigned: false }],
];

describeWith('programs of Debian', requireFiles(...programs.map(([file]) => file)), () => {
  test.each(programs)('%s', (file, header) => {
    expect(readPe(readFileSync(file).subarray(0, 65_536))).toEqual(header);
  });

  test('no BIOS program is one', () => {
    expect(readPe(readFileSync('/usr/lib/ipxe/undionly.kpxe'))).toBeUndefined();
  });
});
