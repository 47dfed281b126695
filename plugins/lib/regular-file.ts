/**
 * Reads a file that a config names. A pipe, a device or a huge file in its place must not block a thread or fill the memory.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Ten times the size of 100,000 hosts. */
const MAX_BYTES = 128 * 1024 ** 2;

/** Rejects with Node's system error, or one that says what is wrong with the file. */
export async function readRegularFile(path: string): Promise<Buffer> {
  // Without this flag, opening a pipe would wait for its writer.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const found = await file.stat();
  if (found.isDirectory()) throw new Error('it is a folder');
  if (!found.isFile()) throw new Error('it is not a regular file');
  if (found.size > MAX_BYTES) throw new Error(`it has ${found.size} bytes: more than ${MAX_BYTES} are not read`);
  return await file.readFile();
}
