/**
 * `pxe get`: fetch a file by TFTP.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Writable } from 'node:stream';
import { Command } from 'commander';
import { type ClientOptions, type ClientResult, download } from '../tftp/client/client.ts';
import { parseUrl } from '../tftp/client/url.ts';
import { EXIT, ExitError } from './exit.ts';
import { reasonOf } from './reason.ts';
import { addTransferOptions, runTransfer, type TransferFlags, urlArgument } from './transfer.ts';

export function getCommand(): Command {
  const command = new Command('get')
    .description('fetch a file by TFTP')
    .addArgument(urlArgument())
    .argument('[file]', 'where to write it, "-" for standard output; default: the last part of the name, in this folder');
  return addTransferOptions(command)
    .addHelpText(
      'after',
      `
The file appears under its name once it is complete. Progress is shown only on a terminal.

Examples:
  pxe get tftp://192.168.7.1/boot.ipxe -
  pxe get tftp://192.168.7.1/initrd.img --blksize 1468 --windowsize 16

${EXIT.help}`,
    )
    .action((url: string, file: string | undefined, flags: TransferFlags) =>
      file === '-'
        ? runTransfer(url, flags, process.stderr, (options) => toStandardOutput(url, options))
        : runTransfer(url, flags, process.stdout, (options) => toFile(url, file, options)),
    );
}

function toStandardOutput(url: string, options: ClientOptions): Promise<ClientResult> {
  return download(url, (bytes) => write(process.stdout, bytes), options);
}

async function toFile(url: string, file = basename(parseUrl(url).name), options: ClientOptions): Promise<ClientResult> {
  const temporary = (await isSpecial(file)) ? undefined : `${file}.part-${process.pid}`;
  const stream = createWriteStream(temporary ?? file, { flags: temporary ? 'wx' : 'w' });
  await once(stream, 'open').catch((error) => {
    throw new ExitError(EXIT.failed, `cannot write ${file}: ${reasonOf(error)}`, { cause: error });
  });
  // The failing write reports the error.
  stream.on('error', () => {});
  try {
    const result = await download(url, (bytes) => write(stream, bytes), options);
    stream.end();
    await once(stream, 'close');
    if (temporary) await rename(temporary, file);
    return result;
  } catch (error) {
    stream.destroy();
    if (temporary) await rm(temporary, { force: true });
    throw error;
  }
}

/** A device or a pipe is written to directly, because `rename` would replace it by a file. */
async function isSpecial(file: string): Promise<boolean> {
  const stats = await stat(file).catch(() => undefined);
  return stats !== undefined && !stats.isFile();
}

/** Resolves when the stream has taken the bytes, so that a slow reader slows the server down. */
function write(stream: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
