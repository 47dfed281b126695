/**
 * Transfers that last as long as they are told to, and files that change meanwhile. The client is the package's own; a sink that
 * takes its time slows the server down.
 */
import { closeSync, ftruncateSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { download } from '../../src/tftp/client/client.ts';
import { ClientError } from '../../src/tftp/client/error.ts';
import { VersionCheck, versionedBytes } from './versioned.ts';

/** A file under the root, and what it has held: the size of each version, the last one being there now. */
export class VersionedFile {
  readonly id: number;
  readonly name: string;
  readonly sizes: number[];
  readonly #path: string;
  /** Transfers of it under way. */
  inFlight = 0;
  /** Versions that were written over the one before, in place. */
  readonly rewritten = new Set<number>();

  constructor(root: string, id: number, size: number) {
    this.id = id;
    this.name = `file-${id}.bin`;
    this.#path = join(root, this.name);
    this.sizes = [size];
    writeFileSync(this.#path, versionedBytes(id, 0, size));
  }

  get version(): number {
    return this.sizes.length - 1;
  }

  /** Puts another file in its place. */
  replace(size: number): void {
    const next = `${this.#path}.new`;
    writeFileSync(next, versionedBytes(this.id, this.version + 1, size));
    renameSync(next, this.#path);
    this.sizes.push(size);
  }

  /** Writes into the same file; `truncate`: makes it empty first, as a shell's `>` does. */
  rewrite(size: number, truncate: boolean): void {
    const bytes = versionedBytes(this.id, this.version + 1, size);
    const fd = openSync(this.#path, truncate ? 'w' : 'r+');
    writeSync(fd, bytes, 0, size, 0);
    if (size < this.sizes.at(-1)!) ftruncateSync(fd, size);
    closeSync(fd);
    this.sizes.push(size);
    this.rewritten.add(this.version);
  }
}

/** One transfer to come. */
export interface Plan {
  readonly port: number;
  readonly name: string;
  /** The number that its bytes carry. */
  readonly id: number;
  readonly size: number;
  readonly windowSize: number;
  readonly blockSize: number;
  /** It lasts so long at least. */
  readonly durationMs: number;
}

export type Ended =
  | { readonly kind: 'completed'; readonly version: number; readonly bytes: number; readonly retransmissions: number }
  /** ERROR 0 "file changed during transfer". */
  | { readonly kind: 'changed' }
  /** Anything else, mixed bytes among it. */
  | { readonly kind: 'failed'; readonly reason: string };

export const FILE_CHANGED = 'file changed during transfer';

/** @param begun told when the first bytes have come */
export async function paced(plan: Plan, begun: () => void = () => {}, signal?: AbortSignal): Promise<Ended> {
  const { port, name, id, size, windowSize, blockSize, durationMs } = plan;
  const began = performance.now();
  const check = new VersionCheck(id);
  const sink = async (bytes: Uint8Array) => {
    if (check.version === undefined) begun();
    check.take(bytes);
    const waitMs = began + (durationMs * check.bytes) / size - performance.now();
    if (waitMs > 1) await sleep(waitMs, undefined, { signal });
  };
  try {
    const { retransmissions } = await download({ host: '127.0.0.1', port, name }, sink, { windowSize, blockSize, signal });
    return { kind: 'completed', version: check.version ?? -1, bytes: check.bytes, retransmissions };
  } catch (error) {
    if (error instanceof ClientError && error.code === 0 && error.message === FILE_CHANGED) return { kind: 'changed' };
    return { kind: 'failed', reason: `${name} at ${check.bytes}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/**
 * Fetches a file while it may change. Besides what `paced` finds, it fails if the bytes are of a version that was not there
 * when they were asked for, or if the transfer was ended although nobody had written into the file.
 */
export async function pacedFile(
  file: VersionedFile,
  plan: Omit<Plan, 'name' | 'id' | 'size'>,
  begun?: () => void,
): Promise<Ended> {
  const earliest = file.version;
  let latest = Number.POSITIVE_INFINITY;
  file.inFlight++;
  const ended = await paced({ ...plan, name: file.name, id: file.id, size: file.sizes[earliest]! }, () => {
    latest = file.version;
    begun?.();
  });
  file.inFlight--;
  if (ended.kind === 'completed') {
    const { version, bytes } = ended;
    if (version < earliest || version > latest) return failed(file, `version ${version}, not one of ${earliest}–${latest}`);
    if (bytes !== file.sizes[version]) return failed(file, `${bytes} bytes of version ${version}, not ${file.sizes[version]}`);
  }
  if (ended.kind === 'changed' && ![...file.rewritten].some((version) => version > earliest))
    return failed(file, `${FILE_CHANGED}, but it was not`);
  return ended;
}

function failed({ name }: VersionedFile, reason: string): Ended {
  return { kind: 'failed', reason: `${name}: ${reason}` };
}

/**
 * Keeps so many transfers under way until the signal comes; then they are broken off.
 * @returns why any of them failed
 */
export async function keepUnderWay(
  count: number,
  port: number,
  files: readonly VersionedFile[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const reasons: string[] = [];
  const loop = async (index: number) => {
    for (let turn = index; !signal.aborted; turn++) {
      const { name, id, sizes } = files[turn % files.length]!;
      const how = {
        port,
        windowSize: 1 + (turn % 16),
        blockSize: turn % 2 === 0 ? 1428 : 8192,
        durationMs: 10_000 + (index % 10) * 1000,
      };
      const ended = await paced({ ...how, name, id, size: sizes.at(-1)! }, undefined, signal);
      if (ended.kind !== 'completed' && !signal.aborted) reasons.push(ended.kind === 'failed' ? ended.reason : ended.kind);
    }
  };
  await Promise.all(Array.from({ length: count }, (_, index) => loop(index)));
  return reasons;
}
