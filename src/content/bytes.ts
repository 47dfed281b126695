/** Bytes in memory as Content. */
import type { Content } from './content.ts';

/** The bytes must not change afterwards. */
export function bytesContent(bytes: Uint8Array): Content & { readonly size: number } {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    close() {},
  };
}
