/** Where the watchdog's thread begins. It does nothing that may block: its lines are dropped where standard error cannot be written. */
import { constants } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { LogDestination } from '../log-destination.ts';
import { Share } from './share.ts';
import { countSignals, type SignalCounter } from './signals.ts';
import { TICK_MS, Watcher } from './watcher.ts';

/** The main thread's messages: a place's name; or that it handles signals itself, so that this thread may, too. */
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
    // No koffi: then the main thread tells of signals, as long as it turns.
  }
  parentPort!.postMessage('loaded');
});
setInterval(() => watcher.tick(performance.now()), TICK_MS);
