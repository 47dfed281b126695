/**
 * One download from the origin into the cache folder, and its readers. A broken connection is resumed where it broke, with
 * `If-Range`, so that the bytes of two versions never mix: a new version ends the download.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Content, type Log, Refusal } from 'pxe';
import { CacheFault, CacheFull, OriginDown, refusal, VersionChanged } from './fault.ts';
import type { Reply } from './origin.ts';
import type { Part } from './part.ts';
import type { Version } from './version.ts';

export interface DownloadOptions {
  /** For logs. */
  readonly url: string;
  readonly version: Version;
  readonly part: Part;
  /** A response whose body continues where the part ends. */
  readonly reply: Reply;
  readonly log: Log;
  /** Requests the bytes from an offset on. Throws `OriginDown`, or `VersionChanged` if the origin no longer has that version. */
  resume(from: number, version: Version): Promise<Continuation>;
  /** Maximum time that a broken download is retried without progress. */
  readonly retryMs: number;
  /** Time that the download goes on without readers. */
  readonly lingerMs: number;
  /** Called synchronously when the download is over, with any result. */
  onEnd(): void;
}

/** A response that continues a file; its body begins `skip` bytes too early. */
export interface Continuation {
  readonly reply: Reply;
  readonly skip: number;
}

const RETRY_PAUSE_MS = 250;
const MAX_RETRY_PAUSE_MS = 2000;

export class Download {
  readonly #options: DownloadOptions;
  /** Resolves when the whole file is in the cache folder. */
  readonly whole: Promise<void>;
  #ended: 'whole' | Refusal | undefined;
  readonly #stop = new AbortController();
  #progress = Promise.withResolvers<void>();
  #holders = 0;
  #linger: NodeJS.Timeout | undefined;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.whole = this.#run();
    this.whole.catch(() => {});
    this.#lingerIfAlone();
  }

  get size(): number | undefined {
    return this.#options.version.size;
  }

  /** The file's future name in the cache folder. */
  get name(): string {
    return this.#options.part.name;
  }

  /** Keeps the download going until the returned function is called. */
  hold(): () => void {
    this.#holders++;
    clearTimeout(this.#linger);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holders--;
      this.#lingerIfAlone();
    };
  }

  /** The content for one transfer: it reads bytes as they arrive. */
  content(): Content {
    const release = this.hold();
    return {
      size: this.size,
      read: (offset, length) => this.#read(offset, length),
      close: release,
    };
  }

  /** Aborts the download and keeps the received bytes, so that it can be resumed. Resolves when the cache folder is released. */
  async abandon(reason: string): Promise<void> {
    this.#stop.abort(new OriginDown(reason));
    await this.whole.catch(() => {});
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const { part } = this.#options;
    const end = Math.min(offset + length, this.size ?? Number.POSITIVE_INFINITY);
    while (part.written < end && this.#ended === undefined) await this.#progress.promise;
    if (part.written < end && this.#ended instanceof Refusal) throw this.#ended;
    return part.read(Math.min(offset, part.written), Math.min(end, part.written));
  }

  async #run(): Promise<void> {
    const { part, log, url, onEnd, version } = this.#options;
    const began = performance.now();
    const from = part.written;
    log.info({ url, size: version.size, from }, 'download started');
    try {
      await this.#fetch();
      await part.publish();
      onEnd();
      this.#end('whole');
      log.info({ url, bytes: part.written - from, ms: Math.round(performance.now() - began) }, 'download completed');
    } catch (error) {
      await part.checkpoint().catch(() => {});
      onEnd();
      this.#end(refusal(error));
      const { aborted, reason } = this.#stop.signal;
      if (aborted) log.info({ url, bytes: part.written, reason: reason.message }, 'download stopped');
      else log.error({ url, bytes: part.written, err: error }, 'download failed');
      throw error;
    }
  }

  /** Downloads the whole file, over as many connections as needed. */
  async #fetch(): Promise<void> {
    const { part, version, retryMs, reply, url, log } = this.#options;
    let known = part.written;
    let progressAt = performance.now();
    let pauseMs = RETRY_PAUSE_MS;
    let broken = await this.#drain({ reply, skip: 0 });
    while (broken) {
      const now = performance.now();
      if (part.written > known) {
        known = part.written;
        progressAt = now;
        pauseMs = RETRY_PAUSE_MS;
        log.warn({ url, bytes: known, reason: broken.message }, 'download interrupted');
      }
      if (version.ifRange === undefined || now + pauseMs - progressAt > retryMs) throw broken;
      await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => {});
      this.#stop.signal.throwIfAborted();
      pauseMs = Math.min(2 * pauseMs, MAX_RETRY_PAUSE_MS);
      broken = await this.#takeUp();
    }
  }

  /** Returns why the connection broke again, or `undefined` if the file is complete. */
  async #takeUp(): Promise<OriginDown | undefined> {
    const { part, version, resume } = this.#options;
    try {
      return await this.#drain(await resume(part.written, version));
    } catch (error) {
      if (error instanceof OriginDown && !this.#stop.signal.aborted) return error;
      throw error;
    }
  }

  /** Writes the body to the part. Returns why the body ended early. */
  async #drain({ reply: { body }, skip }: Continuation): Promise<OriginDown | undefined> {
    const { part } = this.#options;
    const { signal } = this.#stop;
    let left = skip;
    const stop = (): void => void body.destroy(signal.reason);
    signal.addEventListener('abort', stop);
    try {
      signal.throwIfAborted();
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        const rest = chunk.subarray(left);
        left -= chunk.length - rest.length;
        const end = part.written + rest.length;
        if (rest.length > 0) await this.#take(rest);
        // Another process has completed the file, so the rest of the body is not needed.
        if (part.written > end) return undefined;
      }
    } catch (error) {
      if (error instanceof CacheFault || error instanceof CacheFull || error instanceof VersionChanged) throw error;
      if (part.written === this.size) return undefined;
      signal.throwIfAborted();
      return new OriginDown(`broke the connection: ${(error as Error).message}`, { cause: error });
    } finally {
      signal.removeEventListener('abort', stop);
      body.destroy();
    }
    if (this.size === part.written || (this.size === undefined && body.complete)) return undefined;
    return new OriginDown(`ended after ${part.written} of ${this.size ?? 'an unknown number of'} bytes`);
  }

  async #take(bytes: Uint8Array): Promise<void> {
    const { part } = this.#options;
    if (part.written + bytes.length > (this.size ?? Number.POSITIVE_INFINITY)) {
      throw new VersionChanged(`more than the announced ${this.size} bytes arrived`);
    }
    await part.write(bytes);
    const told = this.#progress;
    this.#progress = Promise.withResolvers();
    told.resolve();
  }

  #end(how: 'whole' | Refusal): void {
    this.#ended = how;
    this.#options.part.release();
    this.#progress.resolve();
    this.#lingerIfAlone();
  }

  #lingerIfAlone(): void {
    clearTimeout(this.#linger);
    if (this.#holders > 0) return;
    if (this.#ended !== undefined) this.#options.part.close().catch(() => {});
    else this.#linger = setTimeout(() => void this.abandon('no client is waiting for it'), this.#options.lingerMs);
  }
}
