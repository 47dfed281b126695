/**
 * What `pxe get` and `pxe put` share: the options of a TFTP client, progress on a terminal, and the report of the result.
 */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { type ClientOptions, type ClientProgress, type ClientResult, DEFAULT_CLIENT_LIMITS } from '../tftp/client/client.ts';
import { ClientError, type Failure } from '../tftp/client/error.ts';
import type { ClientLimits } from '../tftp/client/transfer.ts';
import { parseUrl } from '../tftp/client/url.ts';
import { EXIT, ExitError } from './exit.ts';
import { whole } from './number.ts';
import { jsonOption } from './settings.ts';
import { byteCount, visible } from './terminal.ts';

/** Each of them aborts a transfer and leaves nothing behind. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface TransferFlags {
  readonly blksize?: number;
  readonly windowsize?: number;
  readonly timeout?: number;
  readonly rollover?: 0 | 1;
  /** False with `--no-tsize`. */
  readonly tsize: boolean;
  readonly mode: 'octet' | 'netascii';
  readonly localAddress?: string;
  readonly retries?: number;
  readonly json?: boolean;
}

export function addTransferOptions(command: Command): Command {
  return command
    .addOption(new Option('-b, --blksize <bytes>', 'ask for this block size (RFC 2348)').argParser(whole(8, 65464)))
    .addOption(new Option('-w, --windowsize <blocks>', 'ask for this window size (RFC 7440)').argParser(whole(1, 65535)))
    .addOption(new Option('-t, --timeout <seconds>', 'ask for this retransmission timeout (RFC 2349)').argParser(whole(1, 255)))
    .addOption(new Option('--rollover <number>', 'ask for this block number after 65535').argParser(whole(0, 1)))
    .option('--no-tsize', 'neither ask for the size nor announce it (RFC 2349)')
    .addOption(new Option('-m, --mode <mode>', 'transfer mode').choices(['octet', 'netascii']).default('octet'))
    .addOption(new Option('--local-address <address>', 'local address to send from'))
    .addOption(
      new Option('--retries <number>', 'how many times to resend an unanswered packet before giving up').argParser(whole(0, 100)),
    )
    .addOption(jsonOption('print the result as JSON'));
}

/**
 * Runs a transfer: shows progress on a terminal, reports the result, and turns a failure into a message.
 * @param results the stream for `--json`: standard output, unless the file is written there
 */
export async function runTransfer(
  what: string,
  flags: TransferFlags,
  results: NodeJS.WritableStream,
  transfer: (options: ClientOptions) => Promise<ClientResult>,
): Promise<void> {
  const aborting = new AbortController();
  const interrupt = () => aborting.abort();
  for (const signal of ENDING) process.once(signal, interrupt);
  const bar = progressBar();
  try {
    const result = await transfer({
      blockSize: flags.blksize,
      windowSize: flags.windowsize,
      timeoutSeconds: flags.timeout,
      rollover: flags.rollover,
      transferSize: flags.tsize,
      mode: flags.mode,
      localAddress: flags.localAddress,
      signal: aborting.signal,
      onProgress: bar.show,
      limits: limitsOf(flags),
    });
    bar.clear();
    if (flags.json) results.write(`${JSON.stringify(plain(result))}\n`);
    else if (process.stderr.isTTY) process.stderr.write(`${what}: ${summary(result)}\n`);
  } catch (error) {
    bar.clear();
    if (error instanceof Error && 'syscall' in error) throw new ExitError(EXIT.failed, error.message, { cause: error });
    if (!(error instanceof ClientError)) throw error;
    const { kind, code, message } = hasNoAddress(error, flags) ?? error;
    if (flags.json) results.write(`${JSON.stringify({ error: { kind, code, message } })}\n`);
    const told = code === undefined ? visible(message) : `the server answered ERROR ${code}: ${visible(message)}`;
    throw new ExitError(EXIT.failed, `${what}: ${told}`, { cause: error });
  } finally {
    for (const signal of ENDING) process.off(signal, interrupt);
  }
}

/** The retries end after the last one could have been answered. */
function limitsOf({ retries, timeout }: TransferFlags): Partial<ClientLimits> {
  if (retries === undefined) return {};
  const { idleMs, maxTimeoutMs } = DEFAULT_CLIENT_LIMITS;
  const eachMs = timeout === undefined ? maxTimeoutMs : timeout * 1000;
  return { retries, idleMs: Math.min(idleMs, (retries + 1) * eachMs) };
}

function hasNoAddress({ cause }: ClientError, { localAddress }: TransferFlags): Failure | undefined {
  if (localAddress === undefined || (cause as NodeJS.ErrnoException | undefined)?.code !== 'EADDRNOTAVAIL') return undefined;
  const message = `--local-address ${localAddress} is not an address of this machine; "ip address" lists them`;
  return { kind: 'local', code: undefined, message };
}

/** Invalid options are invalid arguments. */
export function urlArgument(): Argument {
  return new Argument('<url>', 'tftp://host[:port]/name').argParser((text) => {
    try {
      parseUrl(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
    return text;
  });
}

function plain({ bytes, durationMs, agreement, rttMs, retransmissions, server }: ClientResult): object {
  const options = Object.fromEntries(agreement.acknowledged.map(({ name, value }) => [name, value]));
  return { bytes, ms: Math.round(durationMs), options, rttMs, retransmissions, server };
}

function summary({ bytes, durationMs, agreement, retransmissions }: ClientResult): string {
  const rate = `${(bytes / 1000 / Math.max(durationMs, 0.001)).toFixed(1)} MB/s`;
  const options = agreement.acknowledged.map(({ name, value }) => `${visible(name)}=${visible(value)}`).join(' ') || 'no options';
  return `${byteCount(bytes)} in ${(durationMs / 1000).toFixed(2)} s, ${rate}, ${retransmissions} resent, ${options}`;
}

/** One line on standard error that rewrites itself; nothing in a pipe. */
function progressBar(): { readonly show: (progress: ClientProgress) => void; clear(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  return {
    show({ bytes, total }) {
      const width = 30;
      const part = total ? Math.min(1, bytes / total) : 0;
      const drawn = total ? `[${'#'.repeat(Math.round(part * width)).padEnd(width)}] ${Math.floor(part * 100)} % ` : '';
      process.stderr.write(`\r\x1b[K${drawn}${byteCount(bytes)}${total ? ` of ${byteCount(total)}` : ''}`);
    },
    clear: () => void process.stderr.write('\r\x1b[K'),
  };
}
