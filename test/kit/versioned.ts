/**
 * Bytes that say in every 16 of them which file, which version and which place they are of, so that a mixture of two versions
 * cannot pass for one, wherever they meet.
 */

export const RECORD_BYTES = 16;

/**
 * Fills with the records from number `first` on. Stands by itself: its text is also part of the plugin in `config-folder.ts`.
 * @param into a multiple of {@link RECORD_BYTES}
 */
export function fillRecords(into: Uint8Array, file: number, version: number, first: number): void {
  const words = new Uint32Array(into.buffer, into.byteOffset, into.byteLength / 4);
  for (let at = 0, record = first; at < words.length; at += 4, record++) {
    words[at] = version;
    words[at + 1] = file;
    words[at + 2] = record;
    words[at + 3] = Math.imul(record ^ (version << 16) ^ file, 0x9e3779b1);
  }
}

export function versionedBytes(file: number, version: number, size: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(size / RECORD_BYTES) * RECORD_BYTES);
  fillRecords(bytes, file, version, 0);
  return bytes.subarray(0, size);
}

/** Takes a file's bytes in order and holds them to the version that the first of them are of. */
export class VersionCheck {
  readonly file: number;
  /** `undefined` until the first bytes have come. */
  version: number | undefined;
  bytes = 0;

  constructor(file: number) {
    this.file = file;
  }

  /** Throws if they are not the next bytes of the same version of this file. */
  take(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.version ??= new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const first = Math.floor(this.bytes / RECORD_BYTES);
    const skipped = this.bytes - first * RECORD_BYTES;
    const expected = new Uint8Array(Math.ceil((skipped + bytes.length) / RECORD_BYTES) * RECORD_BYTES);
    fillRecords(expected, this.file, this.version, first);
    if (Buffer.compare(expected.subarray(skipped, skipped + bytes.length), bytes) !== 0) {
      throw new Error(`file ${this.file}: bytes from ${this.bytes} on are not of version ${this.version}`);
    }
    this.bytes += bytes.length;
  }
}
