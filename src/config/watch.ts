/**
 * Detects changes of a config's files, including files that do not exist yet. It compares bytes, so an event only triggers a
 * check, and it also polls, so that it works without events. It does not know what the files mean.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Clock } from '../base/clock.ts';
import { readIfRegular } from './regular-file.ts';

/** Watches files on behalf of its creator. */
export interface Watcher {
  /**
   * Watches these files from now on, and no others.
   * @param since when reading of newly watched files began, in ms since the epoch: a file modified later counts as changed
   */
  watch(files: readonly string[], since: number): Promise<void>;
  close(): Promise<void>;
}

export interface FileWatcherOptions {
  readonly clock: Clock;
  /** Called once per burst of changes, never during `watch`. */
  changed(files: readonly string[]): void;
  /** Called when the operating system delivers no more events; changes are then noticed within {@link POLL_MS}. */
  onEventsLost(error: unknown): void;
}

/** Quiet time that ends a burst: an editor's save in several steps, a `git checkout`. */
export const QUIET_MS = 50;
/** Maximum time until files are checked during a continuous burst. */
const BURST_MS = 500;
/** Polling interval without events. */
export const POLL_MS = 2_000;

/** State of a file at the last check. */
interface FileState {
  /** Digest of the bytes, or the stamp if they are not readable; `undefined` if the file did not exist. */
  readonly digest: string | undefined;
  /** Changes whenever the file may have changed; cheap to get. */
  readonly stamp: string;
}

export class FileWatcher implements Watcher {
  readonly #options: FileWatcherOptions;
  readonly #seen = new Map<string, FileState>();
  #events: FSWatcher | undefined;
  #watchedPaths = '';
  #eventsLost = false;
  #closed = false;
  #burstBegan: number | undefined;
  #cancelBurst = () => {};
  #cancelPoll = () => {};
  /** Ends the wait for a watcher that failed or was closed, as that never becomes ready. */
  #stopWaiting = () => {};
  /** Serializes the checks. */
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
        // Timestamps lag by a coarse tick and never run ahead: a file written before `since` never appears newer.
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

  /** Watches only the files and their folders, and nothing else in these folders, since inotify watches are limited. */
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
    // `raw` fires immediately and for every name in a folder, including the link that Kubernetes switches.
    events.on('raw', () => this.#eventCame()).on('all', () => this.#eventCame());
    events.on('error', (error) => this.#giveUpEvents(error));
    await new Promise<void>((resolve) => {
      events.once('ready', resolve);
      this.#stopWaiting = resolve;
    });
    await before?.close();
    // Covers changes between the two watchers.
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

  /** A change found by polling may be half saved, so it starts a burst, as an event does. */
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

/** Reads the file unless its stamp is unchanged. */
async function look(file: string, before?: FileState): Promise<{ readonly seen: FileState; readonly ctimeMs?: number }> {
  try {
    const first = await stampOf(file);
    if (before?.stamp === first.stamp) return { seen: before };
    const bytes = await readIfRegular(file).catch(unlessForbidden);
    // Each save of an unreadable or non-regular file is a change: loading it reports why it fails.
    if (bytes === undefined) return { seen: { digest: first.stamp, stamp: first.stamp }, ctimeMs: first.ctimeMs };
    const digest = createHash('sha256').update(bytes).digest('base64');
    const last = await stampOf(file);
    // The file was written during the read, so it must be read again.
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

/** The file's folder, or its nearest ancestor that exists. */
async function existingFolder(file: string): Promise<string> {
  let folder = dirname(file);
  while (!(await exists(folder)) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

/** Asynchronous, since a hanging disk must not block this thread. */
async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
