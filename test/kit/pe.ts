/** EFI programs, as far as their headers go. */

const MACHINES = { ia32: 0x14c, x64: 0x8664, arm64: 0xaa64, riscv64: 0x5064 } as const;

/** A PE file with nothing in it. @param bytes its whole size; a shorter one is cut */
export function peFile(machine: keyof typeof MACHINES | number, { isSigned = false, bytes = 1024 } = {}): Buffer {
  const is32 = machine === 'ia32';
  const file = Buffer.alloc(Math.max(bytes, 1024));
  const at = 0x80;
  file.write('MZ', 0);
  file.writeUInt32LE(at, 0x3c);
  file.write('PE\0\0', at);
  file.writeUInt16LE(typeof machine === 'number' ? machine : MACHINES[machine], at + 4);
  const optional = at + 24;
  file.writeUInt16LE(is32 ? 0x10b : 0x20b, optional);
  const directories = optional + (is32 ? 92 : 108);
  file.writeUInt32LE(16, directories);
  if (isSigned) {
    file.writeUInt32LE(512, directories + 4 + 4 * 8);
    file.writeUInt32LE(256, directories + 8 + 4 * 8);
  }
  return file.subarray(0, bytes);
}
