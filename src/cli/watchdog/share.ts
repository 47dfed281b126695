/**
 * What the main thread and the watchdog's thread both see, without a message: a thread that spins sends none.
 */

/** Goes up as long as the main thread's event loop turns. */
const BEATS = 0;
/** The place that runs; negative when nothing of a plugin runs, and then it is the place that ran last. */
const PLACE = 1;
/** What goes on in the background, as an import. 0: nothing. */
const BACKGROUND = 2;
/** The place where the main thread stood still, once that was noticed. */
const STALLED = 3;
/** SIGTERM and SIGINT as the main thread counts them. */
const SIGNALS = 4;
/** `limits.stopMs` */
const STOP_MS = 5;
const SLOTS = 6;

export class Share {
  readonly buffer: SharedArrayBuffer;
  readonly #slots: Int32Array;

  constructor(buffer = new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#slots = new Int32Array(buffer);
  }

  get beats(): number {
    return Atomics.load(this.#slots, BEATS);
  }

  beat(): void {
    Atomics.add(this.#slots, BEATS, 1);
  }

  get place(): number {
    return Atomics.load(this.#slots, PLACE);
  }

  set place(place: number) {
    Atomics.store(this.#slots, PLACE, place);
  }

  get background(): number {
    return Atomics.load(this.#slots, BACKGROUND);
  }

  set background(place: number) {
    Atomics.store(this.#slots, BACKGROUND, place);
  }

  get signals(): number {
    return Atomics.load(this.#slots, SIGNALS);
  }

  countSignal(): void {
    Atomics.add(this.#slots, SIGNALS, 1);
  }

  get stopMs(): number {
    return Atomics.load(this.#slots, STOP_MS);
  }

  set stopMs(ms: number) {
    Atomics.store(this.#slots, STOP_MS, ms);
  }

  /** The watchdog's side: where the main thread stands. */
  set stalled(place: number) {
    Atomics.store(this.#slots, STALLED, place);
  }

  /** The main thread's side: where it stood, told once. */
  takeStalled(): number {
    return Atomics.exchange(this.#slots, STALLED, 0);
  }
}

/** Names of places, by number. Both threads have them: the main thread sends each before its number is used. */
export function describePlace(place: number, background: number, names: ReadonlyMap<number, string>): string {
  if (place > 0) return `in ${names.get(place)}`;
  if (background > 0) return `during ${names.get(background)}`;
  return place < 0 ? `after ${names.get(-place)}, the last one called` : 'outside plugin code';
}
