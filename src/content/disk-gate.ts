/**
 * Limits the damage of a hanging disk. A file system call (NFS, SMB, FUSE, a dying disk) may never return, and occupies one of
 * the process's few pool threads until it does. So calls to a disk are limited in number, and further for a single path; the
 * others wait here without a thread. A call past its time limit is hung: it is refused to its caller and to later callers of
 * that path, or of any path once hung calls occupy every place. Places become free again as calls return.
 */
import type { Clock } from '../base/clock.ts';
import { DiskSilent } from './fault.ts';

export interface DiskGateOptions {
  readonly clock: Clock;
  /** Maximum concurrent calls. */
  readonly calls: number;
  /** Maximum concurrent calls for one path; one while more than half of the places are taken. */
  readonly callsPerPath: number;
  /** Threads shared with other gates. */
  readonly budget: ThreadBudget;
  /** Called when a call has exceeded its time limit. */
  onHung?(path: string, ms: number): void;
  /** Called when the last hung call has returned. */
  onRecovered?(): void;
}

export interface DiskCall<T> {
  readonly path: string;
  /** Time limit in ms, including the wait for a thread. */
  readonly limitMs: number;
  /** The call is made even after its caller was refused: a descriptor must eventually be closed. */
  readonly must?: boolean;
  /** The call uses the caller's memory, so the caller is not refused once it has started. */
  readonly lent?: boolean;
  work(): Promise<T>;
  /** Called with a value that arrives after the caller was refused. */
  discard?(value: T): void;
}

/** The threads available to all gates: each hanging disk takes at most as many as its gate has places. */
export class ThreadBudget {
  #free: number;
  readonly #gates = new Set<DiskGate>();

  constructor(threads: number) {
    this.#free = threads;
  }

  /** Takes a thread if one is free; otherwise the gate is called when one is. */
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

/** A call in progress. */
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
  /** Queued calls by path, in order of arrival. */
  readonly #waiting = new Map<string, Set<Entry>>();

  constructor(options: DiskGateOptions) {
    this.#options = options;
  }

  /** Resolves or rejects as the work does, or rejects with a `DiskSilent` that names the path. */
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
            if (answered) call.discard?.(value);
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

  /** Starts queued calls while there are free places. */
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
    // The last places are not given to a popular path that may be hanging.
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
