/**
 * Reads only regular files that a config depends on: opening a pipe would block a thread until there is a writer, and a device
 * may never end.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** `undefined` if it is not a regular file. Rejects with Node's system error. */
export async function readIfRegular(path: string): Promise<Uint8Array | undefined> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return (await file.stat()).isFile() ? await file.readFile() : undefined;
}
