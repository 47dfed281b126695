/**
 * Reads files that the config rests on, as far as they are files: opening a pipe would hold a thread until somebody writes to it, and a
 * device may never end.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** `undefined` for what is not a regular file. Rejects with Node's system error. */
export async function readIfRegular(path: string): Promise<Uint8Array | undefined> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return (await file.stat()).isFile() ? await file.readFile() : undefined;
}
