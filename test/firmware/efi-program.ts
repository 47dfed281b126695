/** A boot program for UEFI that shows a text on the console and then stands still: as small as one can be (PE/COFF, UEFI 2.10 §2.1.1). */

const PROGRAMS = {
  x64: {
    machine: 0x8664,
    // sub rsp, 40; mov rcx, [rdx + 64] (ConOut); lea rdx, [rip + 5] (the text); call [rcx + 8] (OutputString); jmp $
    code: '4883ec28 488b4a40 488d1505000000 ff5108 ebfe',
  },
  arm64: {
    machine: 0xaa64,
    // ldr x0, [x1, 64] (ConOut); ldr x2, [x0, 8] (OutputString); adr x1, 12 (the text); blr x2; b .
    code: '202040f9 020440f9 61000010 40003fd6 00000014',
  },
};

const HEADERS_BYTES = 0x200;
const SECTION_ADDRESS = 0x1000;
const SECTION_BYTES = 0x1000;
const PE_OFFSET = 0x40;
const OPTIONAL_BYTES = 0xf0;

export function efiProgram(arch: keyof typeof PROGRAMS, text: string): Buffer {
  const { machine, code } = PROGRAMS[arch];
  const section = Buffer.concat([Buffer.from(code.replaceAll(' ', ''), 'hex'), Buffer.from(`${text}\r\n\0`, 'utf16le')]);
  const image = Buffer.alloc(HEADERS_BYTES + SECTION_BYTES);
  image.write('MZ', 0, 'latin1');
  image.writeUInt32LE(PE_OFFSET, 0x3c);
  image.write('PE\0\0', PE_OFFSET, 'latin1');

  const coff = PE_OFFSET + 4;
  image.writeUInt16LE(machine, coff);
  image.writeUInt16LE(1, coff + 2); // sections
  image.writeUInt16LE(OPTIONAL_BYTES, coff + 16);
  image.writeUInt16LE(0x0022, coff + 18); // executable, large addresses

  const optional = coff + 20;
  image.writeUInt16LE(0x20b, optional); // PE32+
  image.writeUInt32LE(SECTION_BYTES, optional + 4); // code
  image.writeUInt32LE(SECTION_ADDRESS, optional + 16); // entry point
  image.writeUInt32LE(SECTION_ADDRESS, optional + 20);
  image.writeUInt32LE(0x1000, optional + 32); // alignment in memory
  image.writeUInt32LE(0x200, optional + 36); // alignment in the file
  image.writeUInt32LE(SECTION_ADDRESS + SECTION_BYTES, optional + 56); // image
  image.writeUInt32LE(HEADERS_BYTES, optional + 60);
  image.writeUInt16LE(10, optional + 68); // EFI application
  image.writeUInt32LE(16, optional + 108); // data directories, all empty

  const header = optional + OPTIONAL_BYTES;
  image.write('.text', header, 'latin1');
  image.writeUInt32LE(SECTION_BYTES, header + 8);
  image.writeUInt32LE(SECTION_ADDRESS, header + 12);
  image.writeUInt32LE(SECTION_BYTES, header + 16);
  image.writeUInt32LE(HEADERS_BYTES, header + 20);
  image.writeUInt32LE(0x60000020, header + 36); // code, executable, readable

  section.copy(image, HEADERS_BYTES);
  return image;
}
