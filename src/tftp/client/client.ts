/**
 * A TFTP client: `download` and `upload` over UDP, as promises. The protocol is the server's own code, from the other side.
 */

import type { Awaitable } from '../../base/awaitable.ts';
import { peerKey, peerOf } from '../../base/peer.ts';
import { SEGMENT_BYTES } from '../../base/segment.ts';
import type { Content, Sink } from '../../content/content.ts';
import { netasciiContent, netasciiSink } from '../netascii.ts';
import type { Rollover } from '../protocol/block.ts';
import { DownloadTransfer } from './download.ts';
import type { ClientAgreement } from './options.ts';
import { resolveHost } from './resolve.ts';
import { Session } from './session.ts';
import type { ClientHost, ClientLimits, ClientRequest, ClientTransfer } from './transfer.ts';
import { UploadTransfer } from './upload.ts';
import { parseUrl, type Remote } from './url.ts';

export interface ClientOptions {
  /** Bytes of a block, 8–65464; not asked for if not given, and then 512. */
  readonly blockSize?: number | undefined;
  /** Blocks for one ACK, 1–65535; not asked for if not given, and then 1. */
  readonly windowSize?: number | undefined;
  /** `timeout`, 1–255 s: the longest that each side waits before it sends again. */
  readonly timeoutSeconds?: number | undefined;
  /** The number that follows block 65535. */
  readonly rollover?: Rollover | undefined;
  /** Ask for the size, or announce it. @default true */
  readonly transferSize?: boolean | undefined;
  /** @default 'octet' */
  readonly mode?: 'octet' | 'netascii' | undefined;
  readonly limits?: Partial<ClientLimits> | undefined;
  /** Where to send from. */
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called as bytes arrive, a few times a second, and at the end. */
  readonly onProgress?: ((progress: ClientProgress) => void) | undefined;
}

export interface ClientProgress {
  /** Bytes on the wire, in netascii more than in the file. */
  readonly bytes: number;
  /** Bytes in all, where they are known. */
  readonly total: number | undefined;
}

/** How a transfer went. */
export interface ClientResult {
  /** Bytes on the wire. */
  readonly bytes: number;
  readonly durationMs: number;
  readonly agreement: ClientAgreement;
  readonly rttMs: number | undefined;
  /** Packets of ours sent more than once. */
  readonly retransmissions: number;
  /** The address and port that the transfer happened with. */
  readonly server: { readonly address: string; readonly port: number };
}

export const DEFAULT_CLIENT_LIMITS: ClientLimits = {
  retries: 12,
  idleMs: 30_000,
  minTimeoutMs: 20,
  maxTimeoutMs: 3000,
  dallyMs: 1000,
};

const PROGRESS_MS = 100;

/**
 * Fetches a file. `sink` takes the bytes in order; while it has not resolved, the server is slowed down.
 * Rejects with a {@link ClientError}, after the last call of `sink` has settled.
 */
export function download(
  remote: string | Remote,
  sink: (bytes: Uint8Array) => Awaitable<void>,
  options: ClientOptions = {},
): Promise<ClientResult> {
  const local: Sink = { write: sink, commit() {}, abort() {} };
  const target = options.mode === 'netascii' ? netasciiSink(local) : local;
  return run<DownloadTransfer>(remote, options, {
    transferSize: 0,
    total: ({ agreement }) => agreement?.announcedSize,
    transfer: (request, host, { session, work }) => {
      const store = async (bytes: Uint8Array, last: boolean) => {
        if (bytes.length > 0) await target.write(bytes);
        if (last) await target.commit();
        session.step((transfer, now) => transfer.written(bytes.length, last, now));
      };
      return new DownloadTransfer(request, { ...host, deliver: (bytes, last) => work.add(() => store(bytes, last)) });
    },
  });
}

/** Sends a file. `source` is read in order, ahead of need, and closed at the end whatever happens. Rejects with a {@link ClientError}. */
export async function upload(remote: string | Remote, source: Content, options: ClientOptions = {}): Promise<ClientResult> {
  const content = options.mode === 'netascii' ? netasciiContent(source) : source;
  const { size } = content;
  try {
    return await run<UploadTransfer>(remote, options, {
      transferSize: size,
      total: () => size,
      transfer: (request, host, { session, work }) => {
        const read = async (index: number) => {
          const bytes = await content.read(index * SEGMENT_BYTES, SEGMENT_BYTES);
          const last = bytes.length < SEGMENT_BYTES;
          if (last && index * SEGMENT_BYTES + bytes.length < (size ?? 0)) throw new Error('the file ended early');
          session.step((transfer, now) => transfer.supply(index, bytes, last, now));
        };
        return new UploadTransfer(request, { ...host, need: (index) => work.add(() => read(index)) }, size);
      },
    });
  } finally {
    await source.close();
  }
}

/** What differs between a download and an upload. */
interface Kind<T extends ClientTransfer> {
  /** The value of `tsize`, unless it is not wanted. */
  readonly transferSize: number | undefined;
  total(transfer: T): number | undefined;
  transfer(request: ClientRequest, host: ClientHost, own: { readonly session: Session<T>; readonly work: Work }): T;
}

async function run<T extends ClientTransfer>(
  remote: string | Remote,
  options: ClientOptions,
  kind: Kind<T>,
): Promise<ClientResult> {
  const { host, port, name } = typeof remote === 'string' ? parseUrl(remote) : remote;
  const { blockSize, windowSize, timeoutSeconds, rollover, mode = 'octet' } = options;
  const { address, family } = await resolveHost(host, options.localAddress);
  const server = peerKey(address, port);
  const began = performance.now();
  const work = new Work();
  const report = progressReporter(options.onProgress);
  const settings = {
    family,
    server,
    localAddress: options.localAddress,
    localPort: options.localPort ?? 0,
    signal: options.signal,
    onStep: (transfer: T) => report(transfer.bytes, kind.total(transfer), false),
  };
  const session = await Session.start<T>(settings, (local, clientHost, own) => {
    work.onError = (error) => own.fail(error);
    const transferSize = options.transferSize === false ? undefined : kind.transferSize;
    const request: ClientRequest = {
      server,
      local,
      name,
      mode,
      options: { transferSize, blockSize, windowSize, timeoutSeconds, rollover },
      limits: { ...DEFAULT_CLIENT_LIMITS, ...options.limits },
    };
    return kind.transfer(request, clientHost, { session: own, work });
  });
  try {
    await session.ended;
  } finally {
    await work.stop();
  }
  const { transfer } = session;
  report(transfer.bytes, kind.total(transfer), true);
  return {
    bytes: transfer.bytes,
    durationMs: performance.now() - began,
    agreement: transfer.agreement!,
    rttMs: transfer.rttMs,
    retransmissions: transfer.retransmissions,
    server: peerOf(transfer.peer!),
  };
}

/** Jobs one after the other. The first that fails is reported, and those after it are not begun. */
class Work {
  onError: (error: unknown) => void = () => {};
  #last = Promise.resolve();
  #stopped = false;

  add(job: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      try {
        if (!this.#stopped) await job();
      } catch (error) {
        if (!this.#stopped) this.onError(error);
        this.#stopped = true;
      }
    });
  }

  /** Begins no other; resolves when the one that runs has ended. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#last;
  }
}

function progressReporter(report: ClientOptions['onProgress']) {
  let reportedAt = performance.now();
  return (bytes: number, total: number | undefined, last: boolean): void => {
    const now = performance.now();
    if (!report || (!last && now - reportedAt < PROGRESS_MS)) return;
    reportedAt = now;
    report({ bytes, total });
  };
}
