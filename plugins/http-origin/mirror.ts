/**
 * Decides where a file's bytes come from: the copy in the cache folder, a download in progress, or the origin. Concurrent
 * requests for one file share one decision. It knows neither names nor clients.
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
  /** Time that a copy is served without asking the origin again. */
  readonly freshMs: number;
  /** Whether to serve a copy that the origin cannot confirm. */
  readonly staleIfError: boolean;
  /** Statuses that mean that the file does not exist. */
  readonly missing: readonly number[];
  readonly retryMs: number;
  readonly lingerMs: number;
}

/** The context of one request. */
export interface OpenContext {
  /** The cache folder, to serve copies from. */
  readonly folder: Folder;
  readonly log: Log;
  /** Aborted when the request no longer needs an answer. */
  readonly signal: AbortSignal;
}

type Resolution =
  | { readonly kind: 'missing' }
  | { readonly kind: 'copy'; readonly copy: Copy }
  | { readonly kind: 'download'; readonly download: Download };

/** A full cache may evict a copy between the lookup and the open. */
const ATTEMPTS = 3;

export class Mirror {
  readonly #options: MirrorOptions;
  /** Decisions and downloads in progress, by key. */
  readonly #finding = new Map<string, Promise<Resolution>>();
  readonly #downloads = new Set<Download>();
  /** Until then the origin is assumed to be down and is not asked about files with a copy. */
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

  /** Aborts all downloads; received bytes are kept. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#options.origin.close();
    await Promise.all(Array.from(this.#downloads, (download) => download.abandon('the server no longer needs it')));
    await Promise.allSettled(this.#finding.values());
    await Promise.all(Array.from(this.#downloads, (download) => download.abandon('the server no longer needs it')));
  }

  #find(slot: Slot, log: Log): Promise<Resolution> {
    const known = this.#finding.get(slot.key);
    if (known) return known;
    const finding = this.#decide(slot, log);
    this.#finding.set(slot.key, finding);
    const forget = () => void (this.#finding.get(slot.key) === finding && this.#finding.delete(slot.key));
    // Requests join a download until it is over; any other result is looked up again.
    finding.then((found) => found.kind !== 'download' && forget(), forget);
    return finding;
  }

  async #decide(slot: Slot, log: Log): Promise<Resolution> {
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

  async #ask(slot: Slot, copy: Copy | undefined, log: Log): Promise<Resolution> {
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

  async #download(slot: Slot, version: Version, from: number, reply: Reply, log: Log): Promise<Resolution> {
    const { store, retryMs, lingerMs } = this.#options;
    const { url } = slot;
    try {
      const part = await store.begin(slot, version, from);
      const onEnd = (): void => {
        this.#downloads.delete(download);
        this.#finding.delete(slot.key);
      };
      const resume = (at: number) => this.#resume(slot, at, version);
      const download: Download = new Download({ url, version, part, reply, log, resume, retryMs, lingerMs, onEnd });
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
    // An origin without support for ranges sends the whole file again.
    if (reply.status === 200 && isOf(version, reply)) return { reply, skip: from };
    dismiss(reply);
    if (reply.status >= 500 || BUSY.has(reply.status)) throw new OriginDown(`answered ${reply.status}`);
    throw new VersionChanged(`the origin has a different version (answered ${reply.status})`);
  }
}

const BUSY = new Set([408, 429]);

/** The result if the file is in the folder already or being downloaded. */
async function follow(download: Download, { folder, signal }: OpenContext): Promise<Content | undefined> {
  if (download.size !== undefined) return download.content();
  // Boot firmware needs the size at the beginning, so a body without a length is downloaded first.
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

/** Whether a partial response continues exactly where the part ends. */
function continues(reply: Reply, { version, bytes }: Beginning): boolean {
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(reply.headers['content-range'] ?? '') ?? [];
  return (
    reply.status === 206 && isOf(version, reply) && Number(from) === bytes && (version.size ?? Number(total)) === Number(total)
  );
}

/** Throws `OriginDown` if the end of the body would be indistinguishable from a broken connection. */
function sizeOf(reply: Reply): number | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = reply.headers;
  if (length !== undefined) return Number(length);
  if (coding?.toLowerCase().endsWith('chunked')) return undefined;
  reply.body.destroy();
  throw new OriginDown('states neither the length nor the end of the file');
}
