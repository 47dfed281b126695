/**
 * How Node runs this program.
 */
import { constants, enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Keeps compiled code from one start to the next: half the time of a start, and 40 MB, are compiling. Call it before anything else
 * is imported. What is in the cache is run, so it never lies in a folder that others can write to, as Node's own default does;
 * where there is no home, there is no cache. NODE_DISABLE_COMPILE_CACHE=1 switches it off.
 */
export function keepCompiledCode(): void {
  try {
    const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pxe');
    // Worker threads go by the environment.
    if (enableCompileCache(folder).status === constants.compileCacheStatus.ENABLED) process.env.NODE_COMPILE_CACHE = folder;
  } catch {
    // No home: then without.
  }
}

/** What a disk that hangs can hold of it, and what is left then, is in `content/disks.ts`. 64 threads cost less than a megabyte. */
const POOL_THREADS = 64;

/**
 * Lookups, reads and the log share one pool of threads, of four by Node's default: as many calls to a disk that hangs would stop
 * everything. Call it before anything uses the pool, which is made once.
 */
export function enlargeThreadPool(): void {
  process.env.UV_THREADPOOL_SIZE ||= String(POOL_THREADS);
}

/** What the heap may grow by until it is collected. V8 itself would let it grow to a multiple while the machine has memory. */
const HEAP_GROWTH_PERCENT = 30;
/** Collected in some 20 ms. */
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
