/**
 * Reads a data file without delaying service: a small one in this thread, a large one in a separate thread whose result is
 * received in slices.
 */
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Issue } from 'pxe';
import type { Slices } from 'pxe/kit';
import { readDataFile } from './data-file.ts';
import type { ListedGroup, ListedHost } from './inventory.ts';
import type { Columns } from './options.ts';
import type { Read } from './read.ts';

/** A message from the thread: one part of the result. */
export interface Part {
  readonly hosts?: readonly ListedHost[];
  readonly groups?: readonly ListedGroup[];
  readonly issues?: readonly Issue[];
  readonly warnings?: readonly Issue[];
  readonly headers?: readonly string[] | undefined;
}

/** Files up to this many bytes are read in this thread: that takes a few milliseconds, less than starting a thread. */
const SMALL_BYTES = 32 * 1024;

/** @param file absolute */
export async function readApart(
  file: string,
  columns: Columns | undefined,
  slices: Slices,
  smallBytes = SMALL_BYTES,
): Promise<Read> {
  const bytes = await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
  return bytes <= smallBytes ? readDataFile(file, columns) : readInThread(file, columns ?? {}, slices);
}

async function readInThread(file: string, columns: Columns, slices: Slices): Promise<Read> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL(`./reader-worker${extname(import.meta.url)}`, import.meta.url), {
    workerData: { file, columns, port: port2 },
    transferList: [port2],
  });
  try {
    // Rejects with the worker's error.
    await once(worker, 'message');
    const hosts: ListedHost[] = [];
    const groups: ListedGroup[] = [];
    const issues: Issue[] = [];
    const warnings: Issue[] = [];
    let headers: readonly string[] = [];
    // Messages are received one at a time: as events, a thousand of them would arrive without a pause.
    for (let received = receiveMessageOnPort(port1); received; received = receiveMessageOnPort(port1)) {
      const part = received.message as Part;
      hosts.push(...(part.hosts ?? []));
      groups.push(...(part.groups ?? []));
      issues.push(...(part.issues ?? []));
      warnings.push(...(part.warnings ?? []));
      headers = part.headers ?? headers;
      if (slices.over) await slices.rest();
    }
    return { inventory: { hosts, groups }, issues, warnings, headers };
  } finally {
    port1.close();
    await worker.terminate();
  }
}
