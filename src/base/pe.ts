/**
 * The header of an EFI program (Microsoft's PE format): which machine it is for, and whether it bears a signature. It checks none.
 */
import type { Firmware } from './firmware.ts';

export interface PeHeader {
  /** The firmware that can start it; `undefined` for a machine type that no firmware here has. */
  readonly firmware: Firmware | undefined;
  /** Its certificate table is not empty. */
  readonly isSigned: boolean;
}

const MACHINES: Readonly<Record<number, Firmware>> = {
  332: 'uefi-ia32',
  34404: 'uefi-x64',
  450: 'uefi-arm32',
  452: 'uefi-arm32',
  43620: 'uefi-arm64',
  20530: 'uefi-riscv32',
  20580: 'uefi-riscv64',
  25188: 'uefi-loongarch64',
};

const MZ = 0x5a4d;
const PE = 0x00004550;
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;
/** Where the header's offset stands. */
const LFANEW = 0x3c;
/** Signature and COFF header. */
const BEFORE_OPTIONAL_BYTES = 24;
/** Offset, in the optional header, of the number of data directories; the directories follow it. */
const DIRECTORIES: Readonly<Record<number, number>> = { [PE32]: 92, [PE32_PLUS]: 108 };
/** Its address is an offset in the file. */
const CERTIFICATE_TABLE = 4;

/** @param bytes the beginning of a file; `undefined` if that is no PE header, or it lies beyond */
export function readPe(bytes: Uint8Array): PeHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const has = (at: number, size: number) => at + size <= bytes.length;
  if (!has(LFANEW, 4) || view.getUint16(0, true) !== MZ) return undefined;
  const at = view.getUint32(LFANEW, true);
  const optional = at + BEFORE_OPTIONAL_BYTES;
  if (!has(optional, 2) || view.getUint32(at, true) !== PE) return undefined;
  const firmware = MACHINES[view.getUint16(at + 4, true)];
  const count = DIRECTORIES[view.getUint16(optional, true)];
  const entry = count === undefined ? undefined : optional + count + 4 + CERTIFICATE_TABLE * 8;
  if (count === undefined || entry === undefined || !has(entry, 8)) return { firmware, isSigned: false };
  const directories = view.getUint32(optional + count, true);
  return { firmware, isSigned: directories > CERTIFICATE_TABLE && view.getUint32(entry + 4, true) > 0 };
}
