/**
 * Paced TFTP clients in a process of their own, which measure how long each waits for DATA; run by `stall.ts` with an IPC channel:
 *
 *     node scripts/lib/gap-clients.ts PORT CLIENTS BYTES_PER_SECOND
 *
 * Client N reads `file-N` and acknowledges each window when the bytes so far are due. It posts `{ kind: 'under way' }`
 * once all have DATA, and, told to stop by any message, breaks off and posts a {@link GapReport}.
 */
import { createSocket } from 'node:dgram';
import { setPriority } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ack, error, rrq } from '../../test/kit/tftp.ts';

export interface GapReport {
  readonly kind: 'report';
  /** The longest wait of each client for the next DATA, milliseconds. */
  readonly gaps: readonly number[];
  /** DATA that was sent again since the measurement began (loopback loses none); and what a client sent again because nothing came. */
  readonly duplicates: number;
  readonly retries: number;
  readonly bytes: number;
  readonly seconds: number;
  /** How long this process itself stood still at the most, milliseconds: part of what it measured. */
  readonly lagMs: number;
}

/** Few packets, so that these clients keep up. */
const BLOCK_BYTES = 32_768;
const WINDOW = 1;
/** Longer than any stall that is measured. */
const PATIENCE_MS = 5000;

const [port, count, rate] = process.argv.slice(2).map(Number) as [number, number, number];
try {
  // They stand for other machines, which the server's work takes no processor from.
  setPriority(-20);
} catch {
  // Not as root: then what they tell is theirs, too, see `lagMs`.
}
const lag = monitorEventLoopDelay({ resolution: 1 });
const totals = { duplicates: 0, retries: 0, bytes: 0 };
let waiting = count;
let begun = 0;

/** One transfer. Returns what ends it and tells its longest wait. */
function begin(index: number): () => number {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1024 ** 2 });
  let [tid, expected, inWindow, bytes, arrivedAt, startedAt, longest, over] = [port, 1, 0, 0, 0, 0, 0, false];
  let last = rrq(`file-${index}`, 'octet', { blksize: BLOCK_BYTES, windowsize: WINDOW });
  let silence: NodeJS.Timeout | undefined;
  const send = (datagram: Buffer) => {
    if (over) return;
    last = datagram;
    socket.send(datagram, tid, '127.0.0.1');
    clearTimeout(silence);
    silence = setTimeout(() => {
      totals.retries++;
      send(last);
    }, PATIENCE_MS);
  };
  socket.on('message', (datagram, sender) => {
    const now = performance.now();
    // A request that was repeated has begun a second transfer.
    if (tid !== port && tid !== sender.port) return;
    tid = sender.port;
    if (datagram[1] === 6) return expected === 1 ? send(ack(0)) : undefined;
    if (datagram[1] !== 3) throw new Error(`file-${index}: ${datagram.toString('latin1')}`);
    if (datagram.readUInt16BE(2) !== expected % 65536) {
      if (begun > 0) totals.duplicates++;
      return;
    }
    if (expected === 1) {
      startedAt = now;
      if (--waiting === 0) process.send!({ kind: 'under way' });
    } else if (begun > 0) longest = Math.max(longest, now - Math.max(arrivedAt, begun));
    arrivedAt = now;
    bytes += datagram.length - 4;
    if (begun > 0) totals.bytes += datagram.length - 4;
    const block = expected++ % 65536;
    if (++inWindow < WINDOW) return;
    inWindow = 0;
    clearTimeout(silence);
    setTimeout(() => send(ack(block)), Math.max(0, startedAt + (bytes / rate) * 1000 - performance.now()));
  });
  send(last);
  return () => {
    longest = Math.max(longest, performance.now() - arrivedAt);
    send(error(0, 'enough'));
    over = true;
    clearTimeout(silence);
    setTimeout(() => socket.close(), 500);
    return longest;
  };
}

const ends: (() => number)[] = [];
// Spread over a window's time, so that they do not ask in step.
for (let index = 0; index < count; index++) setTimeout(() => ends.push(begin(index)), (index * 1000) / count);
process.on('message', (message) => {
  if (message === 'measure') {
    begun = performance.now();
    lag.enable();
    return;
  }
  const seconds = (performance.now() - begun) / 1000;
  lag.disable();
  const gaps = ends.map((end) => end());
  process.send!({ kind: 'report', gaps, ...totals, seconds, lagMs: lag.max / 1e6 } satisfies GapReport);
  setTimeout(() => process.disconnect?.(), 1000);
});
