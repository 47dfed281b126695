/**
 * Entry point of the watchdog's thread. It does nothing that may block: its lines are dropped if standard error cannot be
 * written.
 */
import { constants } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { LogDestination } from '../log-destination.ts';
import { Share } from './share.ts';
import { countSignals, type SignalCounter } from './signals.ts';
import { TICK_MS, Watcher } from './watcher.ts';

/** Messages of the main thread: the name of a place; or that it handles signals, so that this thread may do so, too. */
export type ToWatchdog = { readonly place: number; readonly name: string } | { readonly kind: 'signals' };

const { buffer } = workerData as { readonly buffer: SharedArrayBuffer };
const share = new Share(buffer);
const names = new Map<number, string>();
const stderr = new LogDestination(2);
let counter: SignalCounter | undefined;

const watcher = new Watcher({
  share,
  names,
  signals: () => Math.max(counter?.count() ?? 0, share.signals),
  say: (line) => {
    stderr.write(`pxe: ${line}\n`);
    stderr.flushSync(0);
  },
  kill: () => process.kill(process.pid, 'SIGKILL'),
});

parentPort!.on('message', (message: ToWatchdog) => {
  if ('place' in message) {
    names.set(message.place, message.name);
    return;
  }
  try {
    counter = countSignals([constants.signals.SIGTERM, constants.signals.SIGINT]);
  } catch {
    // Without koffi the main thread reports signals, while its event loop runs.
  }
  parentPort!.postMessage('loaded');
});
setInterval(() => watcher.tick(performance.now()), TICK_MS);
