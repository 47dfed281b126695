/**
 * Decides where a file's bytes come from: the copy in the cache folder, the download under way, or the origin. Requests for the
 * same file that come while one is being decided get the same answer. It knows neither names nor clients.
 */
import { type Content, type Folder, type Log, Refusal } from 'pxe';
import { type Continuation, Download } from './download.ts';
import { OriginDown, OriginRefuses, refusal, VersionChanged } from './fault.ts';
import { dismiss, type Origin, type Reply } from './origin.ts';
import { type Slot, slotOf } from './slot.ts';
import type { Beginning, Copy, Store } from './store.ts';
import { isOf, unlessIs, type Version, versionOf } from './version.ts';

export interface MirrorOptions {
  readonly origin: Origin;
  readonly store: Store;
  /** A copy is served unasked for so long after the origin has confirmed it. */
  readonly freshMs: number;
  /** Serve a copy that the origin cannot confirm. */
  readonly staleIfError: boolean;
  /** Statuses that mean that there is no such file. */
  readonly missing: readonly number[];
  readonly retryMs: number;
  readonly lingerMs: number;
}

/** What goes along with one request. */
export interface OpenContext {
  /** The cache folder, to serve copies from. */
  readonly folder: Folder;
  readonly log: Log;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
}

type Found =
  | { readonly kind: 'missing' }
  | { readonly kind: 'copy'; readonly copy: Copy }
  | { readonly kind: 'download'; readonly download: Download };

/** A copy may be thrown out of a full cache between being found and being opened. */
const ATTEMPTS = 3;

export class Mirror {
  readonly #options: MirrorOptions;
  /** What is being decided, and the downloads under way, by key. */
  readonly #finding = new Map<string, Promise<Found>>();
  readonly #downloads = new Set<Download>();
  /** Until then the origin is taken to be down, and is not asked for what there is a copy of. */
  #downUntil = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /** `undefined` if the origin has no such file. Throws a `Refusal`. */
  async open(url: URL, context: OpenContext): Promise<Content | undefined> {
    const slot = slotOf(url);
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const found = await this.#find(slot, context.log);
        if (found.kind === 'missing') return undefined;
        const content =
          found.kind === 'copy' ? await context.folder.open(found.copy.file) : await follow(found.download, context);
        if (content) return content;
      }
    } catch (error) {
      context.signal.throwIfAborted();
      throw refusal(error);
    }
    throw new Refusal('busy', 'cache is full');
  }

  /** Breaks off all downloads; what has come of them is kept. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#options.origin.close();
    await Promise.all(Array.from(this.#downloads, (download) => download.abandon('the server no longer needs it')));
    await Promise.allSettled(this.#finding.values());
    await Promise.all(Array.from(this.#downloads, (download) => download.abandon('the server no longer needs it')));
  }

  #find(slot: Slot, log: Log): Promise<Found> {
    const known = this.#finding.get(slot.key);
    if (known) return known;
    const finding = this.#decide(slot, log);
    this.#finding.set(slot.key, finding);
    const forget = () => void (this.#finding.get(slot.key) === finding && this.#finding.delete(slot.key));
    // A download is joined until it is over; everything else is asked anew.
    finding.then((found) => found.kind !== 'download' && forget(), forget);
    return finding;
  }

  async #decide(slot: Slot, log: Log): Promise<Found> {
    const { store, freshMs, staleIfError } = this.#options;
    let copy: Copy | undefined;
    try {
      copy = await store.copy(slot);
      if (copy && (Math.abs(Date.now() - copy.checkedAt) < freshMs || performance.now() < this.#downUntil))
        return { kind: 'copy', copy };
      return await this.#ask(slot, copy, log);
    } catch (error) {
      if (error instanceof OriginDown && copy && staleIfError && !this.#closed) {
        this.#downUntil = performance.now() + freshMs;
        log.warn(
          { url: slot.url, reason: error.message, checkedAt: new Date(copy.checkedAt) },
          'origin failed, stale copy served',
        );
        return { kind: 'copy', copy };
      }
      if (error instanceof OriginDown) log.error({ url: slot.url, reason: error.message }, 'origin failed');
      else log.error({ url: slot.url, err: error }, 'cannot be downloaded');
      throw error;
    }
  }

  async #ask(slot: Slot, copy: Copy | undefined, log: Log): Promise<Found> {
    const { store, origin, missing } = this.#options;
    const conditions = copy ? unlessIs(copy.version) : {};
    const beginning = await store.beginning(slot);
    let reply = await origin.ask(new URL(slot.url), {
      ...conditions,
      ...(beginning ? goingOn(beginning.bytes, beginning.version) : {}),
    });
    if (beginning && (reply.status === 206 || reply.status === 416)) {
      if (continues(reply, beginning)) return this.#download(slot, beginning.version, beginning.bytes, reply, log);
      dismiss(reply);
      await store.forget(slot);
      reply = await origin.ask(new URL(slot.url), conditions);
    }
    if (reply.status === 200) return this.#download(slot, versionOf(reply.headers, sizeOf(reply)), 0, reply, log);
    dismiss(reply);
    if (reply.status === 304 && copy) {
      await store.confirm(slot, copy);
      return { kind: 'copy', copy };
    }
    if (missing.includes(reply.status)) {
      await store.remove(slot);
      return { kind: 'missing' };
    }
    if (reply.status === 401 || reply.status === 403) throw new OriginRefuses(`answered ${reply.status}: check authorization`);
    throw new OriginDown(`answered ${reply.status}`);
  }

  async #download(slot: Slot, version: Version, from: number, reply: Reply, log: Log): Promise<Found> {
    const { store, retryMs, lingerMs } = this.#options;
    const { url } = slot;
    try {
      const part = await store.begin(slot, version, from);
      const over = (): void => {
        this.#downloads.delete(download);
        this.#finding.delete(slot.key);
      };
      const resume = (at: number) => this.#resume(slot, at, version);
      const download: Download = new Download({ url, version, part, reply, log, resume, retryMs, lingerMs, over });
      this.#downloads.add(download);
      return { kind: 'download', download };
    } catch (error) {
      reply.body.destroy();
      throw error;
    }
  }

  async #resume(slot: Slot, from: number, version: Version): Promise<Continuation> {
    const reply = await this.#options.origin.ask(new URL(slot.url), goingOn(from, version));
    if (reply.status === 206 && continues(reply, { version, bytes: from })) return { reply, skip: 0 };
    // An origin that knows no ranges sends all of it again.
    if (reply.status === 200 && isOf(version, reply)) return { reply, skip: from };
    dismiss(reply);
    if (reply.status >= 500 || BUSY.has(reply.status)) throw new OriginDown(`answered ${reply.status}`);
    throw new VersionChanged(`the origin has a different version (answered ${reply.status})`);
  }
}

const BUSY = new Set([408, 429]);

/** Where all that will be had is in the folder already, or on its way there. */
async function follow(download: Download, { folder, signal }: OpenContext): Promise<Content | undefined> {
  if (download.size !== undefined) return download.content();
  // Boot firmware must know the size at the beginning: what comes without one is waited for.
  const release = download.hold();
  try {
    await until(download.whole, signal);
    return await folder.open(download.name);
  } finally {
    release();
  }
}

function until<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason);
    if (signal.aborted) return aborted();
    signal.addEventListener('abort', aborted);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}

function goingOn(from: number, { ifRange = '' }: Version): Record<string, string> {
  return { range: `bytes=${from}-`, 'if-range': ifRange };
}

/** Whether a partial answer goes on exactly where the beginning ends. */
function continues(reply: Reply, { version, bytes }: Beginning): boolean {
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(reply.headers['content-range'] ?? '') ?? [];
  return (
    reply.status === 206 && isOf(version, reply) && Number(from) === bytes && (version.size ?? Number(total)) === Number(total)
  );
}

/** Throws `OriginDown` where the end of a body could not be told from a broken connection. */
function sizeOf(reply: Reply): number | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = reply.headers;
  if (length !== undefined) return Number(length);
  if (coding?.toLowerCase().endsWith('chunked')) return undefined;
  reply.body.destroy();
  throw new OriginDown('states neither the length nor the end of the file');
}
