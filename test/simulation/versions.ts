/**
 * Bytes that tell what they are: every 16 bytes hold a source (a file, or a plugin of one generation), its version, their place
 * and a check of the three. So whatever a client has got can be held against every version there ever was.
 */

export interface Label {
  /** A file; from {@link PLUGIN_SOURCES} on, what a plugin made. */
  readonly source: number;
  readonly version: number;
}

export const RECORD_BYTES = 16;
export const PLUGIN_SOURCES = 1_000_000;

const EMPTY = new Uint8Array(0);

export class Versions {
  readonly #known = new Map<string, Uint8Array>();
  readonly #empty = new Set<string>();

  /** The bytes of a version, made if need be. A size from 1 to 15 would not tell what it is. */
  bytes({ source, version }: Label, size: number): Uint8Array {
    if (size === 0) {
      this.#empty.add(keyOf({ source, version }));
      return EMPTY;
    }
    if (size < RECORD_BYTES) throw new Error(`a version of ${size} bytes tells nothing`);
    const key = keyOf({ source, version });
    const known = this.#known.get(key);
    if (known) {
      if (known.length !== size) throw new Error(`version ${key} has two sizes`);
      return known;
    }
    const words = new Uint32Array(Math.ceil(size / RECORD_BYTES) * 4);
    for (let at = 0; at < words.length; at += 4) {
      words[at] = source;
      words[at + 1] = version;
      words[at + 2] = at / 4;
      words[at + 3] = digest(source, version, at / 4);
    }
    const bytes = new Uint8Array(words.buffer, 0, size);
    this.#known.set(key, bytes);
    return bytes;
  }

  /** Whether this version has no bytes. */
  isEmpty(label: Label): boolean {
    return this.#empty.has(keyOf(label));
  }

  /** Which version these are the first bytes of, and whether they are all of it; in words if they are of none, or of more than one. */
  identify(bytes: Uint8Array): (Label & { readonly whole: boolean }) | string {
    const label = labelAt(bytes, 0);
    if (!label) return `${bytes.length} bytes that tell nothing`;
    const known = this.#known.get(keyOf(label));
    if (!known) return `bytes of a version that never was: ${keyOf(label)}`;
    if (bytes.length <= known.length && Buffer.compare(bytes, known.subarray(0, bytes.length)) === 0)
      return { ...label, whole: bytes.length === known.length };
    for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      const other = labelAt(bytes, at);
      if (!other || keyOf(other) !== keyOf(label))
        return `${keyOf(label)}, and from byte ${at} on ${other ? keyOf(other) : 'garbage'}`;
      const place = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 8, true);
      if (place !== at / RECORD_BYTES) return `${keyOf(label)}, and at byte ${at} what belongs to byte ${place * RECORD_BYTES}`;
    }
    return `${bytes.length} bytes of ${keyOf(label)}, which has ${known.length}`;
  }
}

/** What the record at this place says it is; `undefined` if it is none. */
export function labelAt(bytes: Uint8Array, at: number): Label | undefined {
  if (at + RECORD_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_BYTES);
  const [source, version, place] = [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
  return view.getUint32(12, true) === digest(source, version, place) ? { source, version } : undefined;
}

export function keyOf({ source, version }: Label): string {
  return `${source}@${version}`;
}

function digest(source: number, version: number, place: number): number {
  return (
    (Math.imul(source ^ 0x9e3779b1, 0x85ebca6b) ^ Math.imul(version + 1, 0xc2b2ae35) ^ Math.imul(place + 1, 0x27d4eb2f)) >>> 0
  );
}
