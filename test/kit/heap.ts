/** How much memory is really in use: for tests of what must not grow. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of the heap in use after a collection, in MiB. */
export function heapMib(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed / 1024 ** 2;
}
