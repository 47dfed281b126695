/**
 * The destination of the log: a descriptor that may be a full disk, a reader that has stopped or exited, or a paused terminal.
 * None of these may harm the server, so it never waits for a line: a line is written, buffered within a bound, or dropped and
 * counted.
 *
 * Pipes, sockets and terminals are written directly, without blocking, so they need no thread of libuv's pool, which lookups on a
 * dead disk may have exhausted. Writes to files can block, so they take one thread of the pool at a time.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, write, writeSync } from 'node:fs';
import type { Stats } from '../stats/stats.ts';

export interface LogDestinationOptions {
  /** Maximum buffered bytes; further lines are dropped. */
  readonly maxBytes?: number;
  /** Counts dropped lines. */
  readonly stats?: Pick<Stats, 'add'> | undefined;
}

export interface LostLines {
  readonly lines: number;
  /** The last write error, if any. */
  readonly error: NodeJS.ErrnoException | undefined;
}

/** Maximum bytes of a write, and buffered bytes that cause a write. */
const CHUNK_BYTES = 32_768;
/** Lines that arrive within this time are written together, for storms. */
const GATHER_MS = 20;
/** Pauses before the next attempt, doubled after each failure: for a slow reader and for a failed write. */
const FIRST_PAUSE_MS = 5;
const LAST_PAUSE_MS = 200;
const LAST_PAUSE_AFTER_ERROR_MS = 1000;
const MAX_BYTES = 4 * 1024 ** 2;

/** Lines that are written together. */
interface Chunk {
  readonly bytes: Buffer;
  length: number;
  /** Bytes already written. */
  written: number;
}

export class LogDestination {
  readonly #fd: number;
  /** If false, a write may block and needs a thread. */
  readonly #direct: boolean;
  readonly #maxBytes: number;
  readonly #stats: LogDestinationOptions['stats'];
  readonly #chunks: Chunk[] = [];
  /** Memory of the last written chunk, reused so that occasional lines need no allocation. */
  #spare: Buffer | undefined;
  #waitingBytes = 0;
  #lost = 0;
  #error: NodeJS.ErrnoException | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  /** Whether the timer is a pause, which more lines do not shorten. */
  #pausing = false;
  /** Whether a thread is writing. */
  #writing = false;
  #onProgress: (() => void) | undefined;
  /**
   * Called once after lines were dropped, when there is space again and before the next line, so that the gap can be reported.
   */
  onLost: (lost: LostLines) => void = () => {};

  /** @param fd remains owned by the caller */
  constructor(fd: number, { maxBytes = MAX_BYTES, stats }: LogDestinationOptions = {}) {
    const target = nonBlocking(fd);
    this.#fd = target.fd;
    this.#direct = target.direct;
    this.#maxBytes = maxBytes;
    this.#stats = stats;
  }

  /** Takes one line with its line end, or drops it. Never throws. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > this.#maxBytes && !this.#pausing && !this.#writing) this.#writeNow();
    // Lines are dropped until half of the space is free: this makes one reported gap in the log instead of many small ones.
    if (this.#lost > 0 || this.#waitingBytes + bytes > this.#maxBytes) {
      this.#lost++;
      this.#stats?.add('log-lines.lost');
      return;
    }
    const chunk = this.#chunkFor(bytes);
    chunk.length += chunk.bytes.write(line, chunk.length);
    this.#waitingBytes += bytes;
    if (this.#pausing || this.#writing) return;
    if (this.#waitingBytes >= CHUNK_BYTES) this.#writeNow();
    else this.#timer ??= this.#later(GATHER_MS);
  }

  /** Resolves when the buffer is empty, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#onProgress = () => {
      if (this.#waitingBytes === 0) resolve();
    };
    if (!this.#writing) this.#writeNow();
    this.#onProgress();
    await promise;
    this.#onProgress = undefined;
    clearTimeout(timer);
  }

  /** The same, synchronously, for the end of the process. A failed write is not repeated. */
  flushSync(timeoutMs: number): void {
    const deadline = performance.now() + timeoutMs;
    // A write on a thread completes before the process ends; the rest must not wait for it.
    if (this.#writing) this.#chunks.shift();
    while (this.#chunks.length > 0) {
      const outcome = this.#attempt();
      if (outcome === 'failed' || (outcome === 'full' && performance.now() >= deadline)) return;
      if (outcome === 'full') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FIRST_PAUSE_MS);
    }
  }

  #chunkFor(bytes: number): Chunk {
    const last = this.#chunks.at(-1);
    // A chunk that a thread is writing must not grow, because its length was passed to the thread.
    const open = last !== undefined && !(this.#writing && this.#chunks.length === 1);
    if (open && last.length + bytes <= last.bytes.length) return last;
    const memory = bytes <= CHUNK_BYTES ? this.#spare : undefined;
    if (memory) this.#spare = undefined;
    const chunk = { bytes: memory ?? Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes)), length: 0, written: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  #later(ms: number): NodeJS.Timeout {
    // The timer must not keep the process alive; the code that ends the process flushes.
    return setTimeout(() => this.#writeNow(), ms).unref();
  }

  #writeNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pausing = false;
    if (!this.#direct) return this.#writeInThread();
    for (;;) {
      if (this.#chunks.length === 0) return;
      const outcome = this.#attempt();
      if (outcome !== 'written') return this.#pause();
    }
  }

  /** Writes as much as possible of the first chunk. */
  #attempt(): 'written' | 'full' | 'failed' {
    const chunk = this.#chunks[0]!;
    try {
      this.#wrote(chunk, writeSync(this.#fd, chunk.bytes, chunk.written, chunk.length - chunk.written));
      return 'written';
    } catch (error) {
      return this.#failed(error as NodeJS.ErrnoException);
    }
  }

  #writeInThread(): void {
    const [chunk] = this.#chunks;
    if (chunk === undefined || this.#writing) return;
    this.#writing = true;
    write(this.#fd, chunk.bytes, chunk.written, chunk.length - chunk.written, null, (error, bytes) => {
      this.#writing = false;
      if (error) {
        this.#failed(error);
        this.#pause();
      } else {
        this.#wrote(chunk, bytes);
        this.#writeInThread();
      }
    });
  }

  #wrote(chunk: Chunk, bytes: number): void {
    chunk.written += bytes;
    this.#waitingBytes -= bytes;
    this.#pauseMs = FIRST_PAUSE_MS;
    if (chunk.written === chunk.length) {
      this.#chunks.shift();
      if (chunk.bytes.length === CHUNK_BYTES) this.#spare = chunk.bytes;
    }
    if (this.#lost > 0 && this.#waitingBytes <= this.#maxBytes / 2) {
      const lost = { lines: this.#lost, error: this.#error };
      this.#lost = 0;
      this.onLost(lost);
    }
    this.#error = undefined;
    this.#onProgress?.();
  }

  #failed(error: NodeJS.ErrnoException): 'full' | 'failed' {
    if (error.code === 'EAGAIN' || error.code === 'EINTR') return 'full';
    this.#error = error;
    return 'failed';
  }

  #pause(): void {
    this.#pausing = true;
    this.#timer = this.#later(this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, this.#error ? LAST_PAUSE_AFTER_ERROR_MS : LAST_PAUSE_MS);
  }
}

/**
 * Opens the same pipe or terminal again, so that only our writes are non-blocking: the flag belongs to the open file, which other
 * programs may share. A socket cannot be reopened; Node set the flag on it when it created `process.stdout`.
 */
function nonBlocking(fd: number): { readonly fd: number; readonly direct: boolean } {
  try {
    const stat = fstatSync(fd);
    if (stat.isSocket()) return { fd, direct: isNonBlocking(fd) };
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return { fd, direct: false };
    const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const { dev, ino } = fstatSync(own);
    if (dev === stat.dev && ino === stat.ino) return { fd: own, direct: true };
    closeSync(own);
  } catch {
    // The descriptor or /proc does not exist, or the pipe has no reader.
  }
  return { fd, direct: false };
}

function isNonBlocking(fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
  return (Number.parseInt(flags, 8) & constants.O_NONBLOCK) !== 0;
}
