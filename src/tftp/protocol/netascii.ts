/**
 * Netascii (RFC 1350 §1, RFC 764 "The NVT printer and keyboard"): a line ends in CR LF, a CR that ends no line is CR NUL.
 * The local form has LF line ends. Translates bytes and knows nothing of blocks or files.
 */

const LF = 10;
const CR = 13;
const NUL = 0;

/** Local bytes as netascii. Needs no state: a stream may be translated in any pieces. Returns the same array if nothing changes. */
export function encodeNetascii(bytes: Uint8Array): Uint8Array {
  let extra = 0;
  for (const byte of bytes) if (byte === LF || byte === CR) extra++;
  if (extra === 0) return bytes;
  const encoded = new Uint8Array(bytes.length + extra);
  let at = 0;
  for (const byte of bytes) {
    if (byte === LF) encoded[at++] = CR;
    encoded[at++] = byte;
    if (byte === CR) encoded[at++] = NUL;
  }
  return encoded;
}

/** Netascii as local bytes, piece by piece: a pair may be split between two. A CR followed by anything else stays as it is. */
export class NetasciiDecoder {
  /** The last piece ended in a CR, which has not been given out yet. */
  #afterCr = false;

  decode(bytes: Uint8Array): Uint8Array {
    const decoded = new Uint8Array(bytes.length + 1);
    let at = 0;
    for (const byte of bytes) {
      if (this.#afterCr) {
        this.#afterCr = false;
        if (byte === LF || byte === NUL) {
          decoded[at++] = byte === LF ? LF : CR;
          continue;
        }
        decoded[at++] = CR;
      }
      if (byte === CR) this.#afterCr = true;
      else decoded[at++] = byte;
    }
    return decoded.subarray(0, at);
  }

  /** What is left at the end of the stream: a CR without its other half, or nothing. */
  end(): Uint8Array {
    const rest = this.#afterCr ? Uint8Array.of(CR) : new Uint8Array(0);
    this.#afterCr = false;
    return rest;
  }
}
