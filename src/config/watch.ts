/**
 * Notices that files have changed: those that a config is made of, also ones that do not exist yet. It compares bytes, so an
 * event is only ever a reason to look; and it looks every now and then without one, so that nothing depends on events arriving.
 * It does not know what the files mean.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Clock } from '../base/clock.ts';
import { readIfRegular } from './regular-file.ts';

/** Watches files for whoever made it. */
export interface Watcher {
  /**
   * Watches these files from now on, and no others.
   * @param since when the reading of files that were not watched before began, ms since the epoch: one changed later has changed
   */
  watch(files: readonly string[], since: number): Promise<void>;
  close(): Promise<void>;
}

export interface FileWatcherOptions {
  readonly clock: Clock;
  /** Called once for a burst of changes; never while `watch` is at work. */
  changed(files: readonly string[]): void;
  /** The operating system gives no (more) events; from now on changes are noticed within {@link POLL_MS}. */
  onEventsLost(error: unknown): void;
}

/** Quiet for so long, a burst is over: an editor's save in several steps, a `git checkout`. */
export const QUIET_MS = 50;
/** A burst that does not end is looked at nevertheless. */
const BURST_MS = 500;
/** Without events, it is looked this often whether there has been a change. */
export const POLL_MS = 2_000;

/** What a file was when last looked at. */
interface Seen {
  /** Of its bytes; of its stamp, where this process has no right to read them. `undefined`: there was none. */
  readonly digest: string | undefined;
  /** Changes whenever the file may have changed; cheap to get. */
  readonly stamp: string;
}

export class FileWatcher implements Watcher {
  readonly #options: FileWatcherOptions;
  readonly #seen = new Map<string, Seen>();
  #events: FSWatcher | undefined;
  #watchedPaths = '';
  #eventsLost = false;
  #closed = false;
  #burstBegan: number | undefined;
  #cancelBurst = () => {};
  #cancelPoll = () => {};
  /** Ends the wait for a watcher that will never be ready: one that failed, or was closed, does not say so. */
  #stopWaiting = () => {};
  /** One look after the other. */
  #looking: Promise<void> = Promise.resolve();

  constructor(options: FileWatcherOptions) {
    this.#options = options;
    this.#pollLater();
  }

  watch(files: readonly string[], since: number): Promise<void> {
    return this.#inTurn(async () => {
      for (const file of [...this.#seen.keys()]) if (!files.includes(file)) this.#seen.delete(file);
      const late: string[] = [];
      for (const file of files) {
        if (this.#seen.has(file)) continue;
        const { seen, ctimeMs } = await look(file);
        this.#seen.set(file, seen);
        // Stamps lag behind by a coarse tick, and are never ahead: what was written before `since` never looks later.
        if (ctimeMs !== undefined && ctimeMs > since) late.push(file);
      }
      await this.#listen(files);
      if (late.length > 0 && !this.#closed) this.#options.changed(late);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelBurst();
    this.#cancelPoll();
    this.#stopWaiting();
    await this.#events?.close();
    await this.#looking;
  }

  /** Events of the folders and of the files in question, and of nothing else in these folders: inotify watches run out. */
  async #listen(files: readonly string[]): Promise<void> {
    const folders = await Promise.all(files.map(existingFolder));
    const paths = new Set([...files, ...folders]);
    const key = [...paths].sort().join('\n');
    if (key === this.#watchedPaths || this.#eventsLost || this.#closed) return;
    this.#watchedPaths = key;
    const before = this.#events;
    const events = watch([...paths], {
      ignoreInitial: true,
      depth: 0,
      ignored: (path) => !paths.has(path),
      ignorePermissionErrors: true,
    });
    this.#events = events;
    // `raw` comes at once, and for every name in a folder: also for the link that Kubernetes switches over.
    events.on('raw', () => this.#eventCame()).on('all', () => this.#eventCame());
    events.on('error', (error) => this.#giveUpEvents(error));
    await new Promise<void>((resolve) => {
      events.once('ready', resolve);
      this.#stopWaiting = resolve;
    });
    await before?.close();
    // What happened between the two watchers.
    this.#eventCame();
  }

  #giveUpEvents(error: unknown): void {
    if (this.#eventsLost) return;
    this.#eventsLost = true;
    this.#stopWaiting();
    void this.#events?.close();
    this.#options.onEventsLost(error);
  }

  #eventCame(): void {
    if (this.#closed) return;
    const now = this.#options.clock.now();
    this.#burstBegan ??= now;
    this.#cancelBurst();
    const wait = Math.max(0, Math.min(QUIET_MS, this.#burstBegan + BURST_MS - now));
    this.#cancelBurst = this.#options.clock.setTimeout(() => {
      this.#burstBegan = undefined;
      void this.#inTurn(() => this.#look());
    }, wait);
  }

  async #look(): Promise<void> {
    const changed: string[] = [];
    for (const [file, before] of [...this.#seen]) {
      const { seen } = await look(file, before);
      this.#seen.set(file, seen);
      if (seen.digest !== before.digest) changed.push(file);
    }
    if (changed.length > 0 && !this.#closed) this.#options.changed(changed);
  }

  /** What is found without an event may be half saved just now: it begins a burst, as an event does. */
  #pollLater(): void {
    if (this.#closed) return;
    this.#cancelPoll = this.#options.clock.setTimeout(
      () => void this.#inTurn(() => this.#poll()).finally(() => this.#pollLater()),
      POLL_MS,
    );
  }

  async #poll(): Promise<void> {
    for (const [file, { stamp }] of this.#seen) {
      const now = await stampOf(file).catch(() => undefined);
      if ((now?.stamp ?? '') !== stamp) return this.#eventCame();
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#looking = this.#looking.then(work).catch((error: unknown) => this.#giveUpEvents(error));
    return this.#looking;
  }
}

/** Reads the file unless its stamp says that nothing has happened. */
async function look(file: string, before?: Seen): Promise<{ readonly seen: Seen; readonly ctimeMs?: number }> {
  try {
    const first = await stampOf(file);
    if (before?.stamp === first.stamp) return { seen: before };
    const bytes = await readIfRegular(file).catch(unlessForbidden);
    // Each save of what cannot be read, or is not a file, is a change: loading it says why nothing comes of it.
    if (bytes === undefined) return { seen: { digest: first.stamp, stamp: first.stamp }, ctimeMs: first.ctimeMs };
    const digest = createHash('sha256').update(bytes).digest('base64');
    const last = await stampOf(file);
    // Written while it was read: what was read is no reason not to read it again.
    return { seen: { digest, stamp: first.stamp === last.stamp ? last.stamp : '' }, ctimeMs: last.ctimeMs };
  } catch {
    return { seen: { digest: undefined, stamp: '' } };
  }
}

function unlessForbidden(error: unknown): undefined {
  if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
}

/** Changes whenever the file may have changed. */
async function stampOf(file: string): Promise<{ readonly stamp: string; readonly ctimeMs: number }> {
  const { ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(file, { bigint: true });
  return { stamp: `${ino} ${size} ${mtimeNs} ${ctimeNs}`, ctimeMs: Number(ctimeMs) };
}

/** The folder that a file is in; if there is none yet, the one further up that it will come to be in. */
async function existingFolder(file: string): Promise<string> {
  let folder = dirname(file);
  while (!(await exists(folder)) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

/** Asked by threads: a disk that hangs must not stop this one. */
async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
