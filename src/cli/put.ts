/**
 * `pxe put`: send a file by TFTP.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { Command } from 'commander';
import type { Content } from '../content/content.ts';
import { upload } from '../tftp/client/client.ts';
import { EXIT, ExitError } from './exit.ts';
import { reasonOf } from './reason.ts';
import { addTransferOptions, runTransfer, type TransferFlags, urlArgument } from './transfer.ts';

export function putCommand(): Command {
  const command = new Command('put')
    .description('send a file by TFTP')
    .argument('<file>', 'the file to send')
    .addArgument(urlArgument());
  return addTransferOptions(command)
    .addHelpText(
      'after',
      `
Servers refuse uploads unless configured otherwise: pxe accepts them if its config has the key "uploads".

Example:
  pxe put running-config tftp://192.168.7.1/switch7.cfg

${EXIT.help}`,
    )
    .action((file: string, url: string, flags: TransferFlags) =>
      runTransfer(url, flags, process.stdout, async (options) => upload(url, await fileContent(file), options)),
    );
}

async function fileContent(path: string): Promise<Content> {
  const handle = await open(path).catch((error: Error) => {
    throw new ExitError(EXIT.failed, `cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  });
  const stats = await handle.stat();
  if (!stats.isFile()) {
    await handle.close();
    // A pipe would look like an empty file.
    throw new ExitError(EXIT.failed, `cannot send ${path}: it is not a regular file`);
  }
  const { size } = stats;
  return { size, read: (offset, length) => readAt(handle, offset, length), close: () => handle.close() };
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
