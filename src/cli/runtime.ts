/**
 * Settings of Node.js for this program.
 */
import { constants, enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Caches compiled code between starts: compiling takes half of the start time and 40 MB. Call it before importing anything else.
 * The cached code is executed, so the cache must not be in a folder that others can write to, unlike Node's default; without a
 * home directory there is no cache. NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 */
export function keepCompiledCode(): void {
  try {
    const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pxe');
    // Worker threads read the environment.
    if (enableCompileCache(folder).status === constants.compileCacheStatus.ENABLED) process.env.NODE_COMPILE_CACHE = folder;
  } catch {
    // Without a home directory there is no cache.
  }
}

/** `content/disks.ts` decides how many of them hanging disks can occupy. 64 threads cost less than a megabyte. */
const POOL_THREADS = 64;

/**
 * Sets the size of the thread pool. Lookups, reads and the log share it; with Node's default of four threads, four calls to a
 * hanging disk would block everything. Call it before the first use of the pool, which is created once.
 */
export function enlargeThreadPool(): void {
  process.env.UV_THREADPOOL_SIZE ||= String(POOL_THREADS);
}

/** Maximum growth of the heap before a collection. By default V8 lets it grow to a multiple while the machine has memory. */
const HEAP_GROWTH_PERCENT = 30;
/** A collection of this takes about 20 ms. */
const SMALL_HEAP_BYTES = 64 * 1024 ** 2;

/**
 * Call it when everything has started. What is gone again at once, as most of a request is, lies in a part of the heap of its own.
 * The start has made that as large as it need be; by itself it would grow to 32 MiB.
 */
export function settleHeap(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  // What the heap may grow to is decided by a collection: the last one was amid the start, and gave it V8's multiple. A large heap,
  // of a config with many thousand hosts, would hold up serving for long.
  if (process.memoryUsage().heapUsed > SMALL_HEAP_BYTES) return;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  collect();
}

/**
 * Call it before a config is loaded. A regular expression that has gone back too often is matched to its end by V8's linear engine, also
 * one in a user's own function; V8 cannot do so for lookaround, back-references, large counts and the flags `i`, `u` and `v`. The flag `l`
 * asks for that engine from the start. V8 calls it experimental: it is reached only by what would otherwise not end.
 */
export function boundRegExps(): void {
  setFlagsFromString('--enable-experimental-regexp-engine');
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
}
