/**
 * Receives signals in a thread other than the main one, even if the main thread is in an endless loop. Node delivers no signals
 * to workers, but libuv notifies every loop that subscribes. So this is a separate libuv loop, made by libuv's C functions, which
 * Node exports for addons.
 */
import { createRequire } from 'node:module';

/** uv_handle_type, uv_run_mode: of uv.h, unchanged since libuv 1.0. */
const UV_SIGNAL = 16;
const UV_RUN_NOWAIT = 2;

export interface SignalCounter {
  /** Signals received so far. */
  count(): number;
}

/** Throws if koffi or libuv is not available. */
export function countSignals(numbers: readonly number[]): SignalCounter {
  const koffi = createRequire(import.meta.url)('koffi');
  const uv = koffi.load(null);
  const signalCallback = koffi.proto('void PxeSignalCallback(void *handle, int number)');
  const run = uv.func('int uv_run(void *, int)');
  const must = (result: number): void => {
    if (result < 0) throw new Error(`libuv: error ${result}`);
  };
  // Not in the JavaScript heap, because libuv's handler may access it until the process ends.
  const allocate = (bytes: number | bigint) => koffi.alloc('uint8', Number(bytes));
  const loop = allocate(uv.func('size_t uv_loop_size()')());
  must(uv.func('int uv_loop_init(void *)')(loop));
  let signals = 0;
  const callback = koffi.register(() => void signals++, koffi.pointer(signalCallback));
  for (const number of numbers) {
    const handle = allocate(uv.func('size_t uv_handle_size(int)')(UV_SIGNAL));
    must(uv.func('int uv_signal_init(void *, void *)')(loop, handle));
    must(uv.func('int uv_signal_start(void *, PxeSignalCallback *, int)')(handle, callback, number));
  }
  return {
    count() {
      run(loop, UV_RUN_NOWAIT);
      return signals;
    },
  };
}
