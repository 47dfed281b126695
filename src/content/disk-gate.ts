/**
 * Bounds what a disk that hangs can take. A call to a file system (NFS, SMB, FUSE, a dying disk) may never return, and holds one of
 * the process's few pool threads until it does. So only a bounded number of calls to one disk are in flight, and fewer for one path;
 * the others wait here, where waiting costs no thread. A call past its time limit is hung: its caller is refused, and so is each later
 * caller for that path, or for any path once every place of the gate is taken by a hung call. When calls return, their places are free again.
 */
import type { Clock } from '../base/clock.ts';
import { DiskSilent } from './fault.ts';

export interface DiskGateOptions {
  readonly clock: Clock;
  /** Calls in flight at once. */
  readonly calls: number;
  /** Calls in flight at once for one path; one, while more than half of the places are taken. */
  readonly callsPerPath: number;
  /** Threads that this gate shares with others. */
  readonly budget: ThreadBudget;
  /** A call has been in flight for longer than its limit. */
  onHung?(path: string, ms: number): void;
  /** The last hung call has returned. */
  onRecovered?(): void;
}

export interface DiskCall<T> {
  readonly path: string;
  /** Time limit, in milliseconds. Waiting for a thread counts. */
  readonly limitMs: number;
  /** Is made even when its caller has been refused: a descriptor must be closed in the end. */
  readonly must?: boolean;
  /** It uses memory that its caller has lent, so that the caller is not refused once it has begun. */
  readonly lent?: boolean;
  work(): Promise<T>;
  /** Gets a value that came when its caller had been refused. */
  late?(value: T): void;
}

/** Threads for all gates together: each disk that hangs takes as many as its gate has places. */
export class ThreadBudget {
  #free: number;
  readonly #gates = new Set<DiskGate>();

  constructor(threads: number) {
    this.#free = threads;
  }

  /** Takes a thread, if one is free; the gate is told when one is. */
  take(gate: DiskGate): boolean {
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    this.#gates.add(gate);
    return false;
  }

  giveBack(): void {
    this.#free++;
    const gates = [...this.#gates];
    this.#gates.clear();
    for (const gate of gates) gate.proceed();
  }
}

/** A call on its way. */
interface Entry {
  readonly path: string;
  readonly must: boolean;
  begin(): void;
  refuse(): void;
}

export class DiskGate {
  readonly #options: DiskGateOptions;
  #inFlight = 0;
  #hung = 0;
  readonly #inFlightByPath = new Map<string, number>();
  readonly #hungByPath = new Map<string, number>();
  /** By path, in the order in which they came. */
  readonly #waiting = new Map<string, Set<Entry>>();

  constructor(options: DiskGateOptions) {
    this.#options = options;
  }

  /** Settles as the work does, or rejects with a `DiskSilent` that says which path does not answer. */
  run<T>(call: DiskCall<T>): Promise<T> {
    const { path, limitMs, must = false, lent = false } = call;
    if (!must && this.#isHung(path)) return Promise.reject(new DiskSilent(path));
    return new Promise((resolve, reject) => {
      let state: 'waiting' | 'in flight' | 'hung' = 'waiting';
      let answered = false;
      const refuse = (): void => {
        answered = true;
        cancel();
        reject(new DiskSilent(path));
      };
      const returned = (): void => {
        cancel();
        this.#returned(path, state === 'hung');
      };
      const begin = (): void => {
        state = 'in flight';
        call.work().then(
          (value) => {
            if (answered) call.late?.(value);
            else resolve(value);
            returned();
          },
          (error: unknown) => {
            reject(error);
            returned();
          },
        );
      };
      const entry: Entry = { path, must, begin, refuse };
      const expire = (): void => {
        if (state === 'waiting') {
          if (!must) this.#leave(entry);
          return refuse();
        }
        if (!lent) refuse();
        state = 'hung';
        this.#markHung(path, limitMs);
      };
      const cancel = this.#options.clock.setTimeout(expire, limitMs);
      if (this.#takePlace(path)) begin();
      else this.#wait(entry);
    });
  }

  /** Lets calls through for which there is room now. */
  proceed(): void {
    for (const [path, entries] of this.#waiting) {
      for (const entry of entries) {
        if (!this.#takePlace(path)) break;
        this.#leave(entry);
        entry.begin();
      }
      if (this.#inFlight >= this.#options.calls) return;
    }
  }

  #isHung(path: string): boolean {
    return this.#hungByPath.has(path) || this.#hung >= this.#options.calls;
  }

  #takePlace(path: string): boolean {
    const { calls, callsPerPath, budget } = this.#options;
    const ofPath = this.#inFlightByPath.get(path) ?? 0;
    // A name that many ask for, and that may be hanging, is not given the last places.
    const most = this.#inFlight < calls / 2 ? callsPerPath : 1;
    if (this.#inFlight >= calls || ofPath >= most || !budget.take(this)) return false;
    this.#inFlight++;
    this.#inFlightByPath.set(path, ofPath + 1);
    return true;
  }

  #wait(entry: Entry): void {
    const entries = this.#waiting.get(entry.path);
    if (entries) entries.add(entry);
    else this.#waiting.set(entry.path, new Set([entry]));
  }

  #leave(entry: Entry): void {
    const entries = this.#waiting.get(entry.path);
    entries?.delete(entry);
    if (entries?.size === 0) this.#waiting.delete(entry.path);
  }

  #markHung(path: string, ms: number): void {
    this.#hung++;
    this.#hungByPath.set(path, (this.#hungByPath.get(path) ?? 0) + 1);
    this.#options.onHung?.(path, ms);
    const isWhole = this.#hung >= this.#options.calls;
    for (const entries of isWhole ? [...this.#waiting.values()] : [this.#waiting.get(path) ?? []]) {
      for (const entry of [...entries]) {
        if (entry.must) continue;
        this.#leave(entry);
        entry.refuse();
      }
    }
  }

  #returned(path: string, wasHung: boolean): void {
    this.#inFlight--;
    decrement(this.#inFlightByPath, path);
    if (wasHung) {
      this.#hung--;
      decrement(this.#hungByPath, path);
      if (this.#hung === 0) this.#options.onRecovered?.();
    }
    this.#options.budget.giveBack();
    this.proceed();
  }
}

function decrement(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
