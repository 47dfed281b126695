/**
 * Records from one thread to another, in order, through shared memory: a ring with one writer and one reader. Neither waits for the
 * other, and nothing is allocated for a record. It does not know what records mean, nor how a thread is woken.
 *
 * A record is a kind, then numbers and texts, read back in the order in which they were written. What does not fit into a record, or
 * is no number or text, is a parcel: it travels by a port, and a record in the ring keeps its place.
 *
 * The writer fills a record before it moves the head, and the reader looks at nothing beyond the head, so no record is seen in part.
 * Positions count up in units of eight bytes, and wrap around at 32 bits.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** Given to both threads. */
export interface MailboxShare {
  readonly memory: SharedArrayBuffer;
  readonly port: MessagePort;
}

const UNIT_BYTES = 8;
const RING_BYTES = 256 * 1024;
/** The longest record. Any request fits: it has 2048 bytes at most. */
const RECORD_BYTES = 8 * 1024;
/** Of UTF-8, for a character as JavaScript counts them. */
const MAX_CHARACTER_BYTES = 3;
/** Of a record, for numbers and the lengths of texts. */
const OTHER_BYTES = 32 * UNIT_BYTES;
const RECORD_UNITS = RECORD_BYTES / UNIT_BYTES;
/** Positions: where the writer and the reader are. They lie on cache lines of their own. */
const HEAD = 0;
const TAIL = 16;
const HEADER_BYTES = 128;

/** Kinds that the mailbox uses itself; those of its users are positive. */
const SKIP = -1;
const PARCEL = 0;

/** @param bytes of the ring: a power of two, and more than two of the longest records */
export function mailboxMemory(bytes = RING_BYTES): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + bytes);
}

/** The ring as both sides see it. */
class Ring {
  readonly positions: Int32Array;
  readonly numbers: Float64Array;
  readonly words: Int32Array;
  readonly units: number;

  constructor(memory: SharedArrayBuffer) {
    this.positions = new Int32Array(memory, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.numbers = new Float64Array(memory, HEADER_BYTES);
    this.words = new Int32Array(memory, HEADER_BYTES);
    this.units = this.numbers.length;
  }

  /** Where in the ring a position is. */
  index(position: number): number {
    return position & (this.units - 1);
  }
}

export class MailboxWriter {
  readonly #ring: Ring;
  readonly #bytes: Buffer;
  readonly #port: MessagePort;
  #head = 0;
  /** Where the reader was when it was last looked at. */
  #tail = 0;
  /** Where the record begins, and where it goes on, as indexes. */
  #start = 0;
  #at = 0;

  constructor({ memory, port }: MailboxShare) {
    this.#ring = new Ring(memory);
    this.#bytes = Buffer.from(memory, HEADER_BYTES);
    this.#port = port;
    this.#head = this.#tail = Atomics.load(this.#ring.positions, HEAD);
  }

  /** Whether a record with texts of this length in all, and a few numbers, is short enough. */
  fits(characters: number): boolean {
    return MAX_CHARACTER_BYTES * characters <= RECORD_BYTES - OTHER_BYTES;
  }

  /** Begins a record. `false` if there is no room: the reader has to read first, and nothing may be written. */
  begin(kind: number): boolean {
    const { units, words } = this.#ring;
    let index = this.#ring.index(this.#head);
    const skipped = index + RECORD_UNITS > units ? units - index : 0;
    if (!this.#hasRoom(skipped + RECORD_UNITS)) return false;
    if (skipped > 0) {
      words[2 * index] = skipped;
      words[2 * index + 1] = SKIP;
      this.#head = (this.#head + skipped) | 0;
      index = 0;
    }
    this.#start = index;
    this.#at = index + 1;
    words[2 * index + 1] = kind;
    return true;
  }

  number(value: number): void {
    this.#ring.numbers[this.#at++] = value;
  }

  /** A surrogate without its other half, which no datagram can hold either, becomes U+FFFD. Throws a RangeError for a text that does not fit. */
  text(value: string): void {
    const room = (this.#start + RECORD_UNITS - ++this.#at) * UNIT_BYTES;
    const most = MAX_CHARACTER_BYTES * value.length;
    if (most > room) throw new RangeError(`a text of ${value.length} characters does not fit into the record`);
    const bytes = this.#bytes.write(value, this.#at * UNIT_BYTES, most);
    this.#ring.words[2 * (this.#at - 1)] = bytes;
    this.#at += Math.ceil(bytes / UNIT_BYTES);
  }

  /** Ends the record: the reader can see it. */
  end(): void {
    const units = this.#at - this.#start;
    this.#ring.words[2 * this.#start] = units;
    this.#head = (this.#head + units) | 0;
    Atomics.store(this.#ring.positions, HEAD, this.#head);
  }

  /** Sends what no record can hold. `false` if there is no room: then it has not been sent. */
  parcel(value: unknown, transfer: readonly ArrayBuffer[] = []): boolean {
    if (!this.begin(PARCEL)) return false;
    this.#port.postMessage(value, [...transfer]);
    this.end();
    return true;
  }

  #hasRoom(units: number): boolean {
    if (this.#free >= units) return true;
    this.#tail = Atomics.load(this.#ring.positions, TAIL);
    return this.#free >= units;
  }

  get #free(): number {
    return this.#ring.units - ((this.#head - this.#tail) | 0);
  }
}

export class MailboxReader {
  readonly #ring: Ring;
  readonly #bytes: Buffer;
  readonly #port: MessagePort;
  #tail = 0;
  /** Where the writer was when it was last looked at. */
  #head = 0;
  /** Where the record goes on, as an index. */
  #at = 0;

  constructor({ memory, port }: MailboxShare) {
    this.#ring = new Ring(memory);
    this.#bytes = Buffer.from(memory, HEADER_BYTES);
    this.#port = port;
    this.#tail = this.#head = Atomics.load(this.#ring.positions, TAIL);
  }

  /** Whether there is nothing to read. */
  get empty(): boolean {
    if (this.#tail === this.#head) this.#head = Atomics.load(this.#ring.positions, HEAD);
    return this.#tail === this.#head;
  }

  /**
   * Takes the next record, if there is one: `record` gets its kind, and reads its numbers and texts before it returns; `parcel` gets
   * what came by the port. The writer has its room back afterwards.
   */
  take(record: (kind: number) => void, parcel: (value: unknown) => void): boolean {
    while (!this.empty) {
      const index = this.#ring.index(this.#tail);
      const units = this.#ring.words[2 * index]!;
      const kind = this.#ring.words[2 * index + 1]!;
      this.#at = index + 1;
      this.#tail = (this.#tail + units) | 0;
      try {
        if (kind === SKIP) continue;
        if (kind === PARCEL) parcel(receiveMessageOnPort(this.#port)!.message);
        else record(kind);
        return true;
      } finally {
        Atomics.store(this.#ring.positions, TAIL, this.#tail);
      }
    }
    return false;
  }

  number(): number {
    return this.#ring.numbers[this.#at++]!;
  }

  text(): string {
    const bytes = this.#ring.words[2 * this.#at++]!;
    const start = this.#at * UNIT_BYTES;
    this.#at += Math.ceil(bytes / UNIT_BYTES);
    return this.#bytes.toString('utf8', start, start + bytes);
  }
}
