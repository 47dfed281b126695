/**
 * Memory shared by the main thread and the watchdog's thread; a thread in an endless loop sends no messages.
 */

/** Incremented while the main thread's event loop runs. */
const BEATS = 0;
/** The running place; negative if no plugin code runs, then of the last running place. */
const PLACE = 1;
/** The background work in progress, such as an import; 0 for none. */
const BACKGROUND = 2;
/** The place where the main thread was blocked, once detected. */
const STALLED = 3;
/** SIGTERM and SIGINT as counted by the main thread. */
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

  /** For the watchdog: the place where the main thread is. */
  set stalled(place: number) {
    Atomics.store(this.#slots, STALLED, place);
  }

  /** For the main thread: the place where it was blocked, returned once. */
  takeStalled(): number {
    return Atomics.exchange(this.#slots, STALLED, 0);
  }
}

/** Names of places by number. Both threads have them: the main thread sends each name before it uses the number. */
export function describePlace(place: number, background: number, names: ReadonlyMap<number, string>): string {
  if (place > 0) return `in ${names.get(place)}`;
  if (background > 0) return `during ${names.get(background)}`;
  return place < 0 ? `after ${names.get(-place)}, the last one called` : 'outside plugin code';
}
