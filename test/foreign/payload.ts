/**
 * The bytes that travel, and what becomes of them under netascii (RFC 764: a line ends with CR LF, a bare CR is CR NUL).
 * Written again here rather than taken from `src/`, so that the server is not measured by itself. Unix has LF for line ends.
 */

/** A file in its two forms: as it lies on a disk, and as DATA packets carry it. */
export interface Payload {
  readonly content: Uint8Array;
  readonly wire: Uint8Array;
}

const CR = 13;
const LF = 10;

/** `size` bytes of any value, the same ones every time. */
export function binary(size: number): Payload {
  const content = new Uint8Array(size);
  const random = randomBytes(size + 1);
  for (let at = 0; at < size; at++) content[at] = random();
  return { content, wire: content };
}

/**
 * A text of `size` bytes *on the wire*, the same one every time, with `\n`, `\r` and `\r\n` in it. From 2 bytes on its last two
 * are `ending`, so that a text of one byte more than a block has an escape across the border.
 */
export function text(size: number, ending: '\n' | '\r' | 'ab'): Payload {
  const tail = Buffer.from(ending);
  const random = randomBytes(size);
  const content: number[] = [];
  let left = size - 2;
  while (left > 0) {
    const die = left === 1 ? 255 : random();
    const byte = die < 8 ? LF : die < 12 ? CR : 32 + (die % 95);
    content.push(byte);
    left -= byte === LF || byte === CR ? 2 : 1;
  }
  const bytes = Uint8Array.from(size >= 2 ? [...content, ...tail] : Array<number>(size).fill(120));
  return { content: bytes, wire: encode(bytes) };
}

function encode(content: Uint8Array): Uint8Array {
  const wire = Buffer.alloc(content.length * 2);
  let end = 0;
  for (const byte of content) {
    if (byte === LF) wire[end++] = CR;
    wire[end++] = byte;
    if (byte === CR) wire[end++] = 0;
  }
  return wire.subarray(0, end);
}

/** xorshift32, one byte a call. */
function randomBytes(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % 256;
  };
}
