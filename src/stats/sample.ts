/**
 * Passes one sample client from the thread that drops datagrams to the thread that logs them, without a message: a slot in
 * shared memory holds it until it is taken. Further clients are ignored meanwhile.
 */

/** A client as a key: a number or ASCII text. */
type Key = number | string;

/** An IPv6 address with its zone, and a port. */
const MAX_TEXT = 76;
/** A 32-bit state, the text, and a 64-bit number. */
export const SAMPLE_BYTES = 4 + MAX_TEXT + 8;

const EMPTY = 0;
const NUMBER = 1;
/** For text, the state is this plus its length. */
const TEXT = 2;

/** One thread puts, another takes. */
export class Sample {
  readonly #state: Int32Array;
  readonly #text: Uint8Array;
  readonly #number: Float64Array;

  /** @param offset a multiple of 8 */
  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#state = new Int32Array(memory, offset, 1);
    this.#text = new Uint8Array(memory, offset + 4, MAX_TEXT);
    this.#number = new Float64Array(memory, offset + 4 + MAX_TEXT, 1);
  }

  put(key: Key): void {
    if (Atomics.load(this.#state, 0) !== EMPTY) return;
    if (typeof key === 'number') {
      this.#number[0] = key;
      Atomics.store(this.#state, 0, NUMBER);
    } else {
      const length = Math.min(key.length, MAX_TEXT);
      for (let i = 0; i < length; i++) this.#text[i] = key.charCodeAt(i);
      Atomics.store(this.#state, 0, TEXT + length);
    }
  }

  take(): Key | undefined {
    const state = Atomics.load(this.#state, 0);
    if (state === EMPTY) return undefined;
    const key = state === NUMBER ? this.#number[0]! : String.fromCharCode(...this.#text.subarray(0, state - TEXT));
    Atomics.store(this.#state, 0, EMPTY);
    return key;
  }
}
