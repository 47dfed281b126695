/** What this layer counts. It does not know where the counters are kept. */
export interface Counters {
  add(
    name:
      | 'cache.hits'
      | 'cache.misses'
      | 'reads.main-thread'
      | 'disk-calls.hung'
      | 'uploads.stored'
      | 'uploads.aborted'
      | 'upload-bytes.stored'
      | 'upload-bytes.aborted',
    by?: number,
  ): void;
  set(name: 'cache-bytes.main', bytes: number): void;
}

export const NO_COUNTERS: Counters = { add() {}, set() {} };
