/**
 * Loads what a machine was told to load, as far as it takes to know that it is served.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Program } from '../dhcp/doctor/choice.ts';
import type { Fetched } from '../dhcp/doctor/survey.ts';
import { type ClientOptions, download } from '../tftp/client/client.ts';
import { ClientError } from '../tftp/client/error.ts';

/** Loaders are smaller; of a larger file the beginning will do. */
const ENOUGH_BYTES = 4 * 1024 * 1024;
/** What UEFI and iPXE ask for on Ethernet, and what everything else gets. */
const LARGE_BLOCK = 1468;
const LIMITS = { retries: 3, idleMs: 4_000, maxTimeoutMs: 1_000, dallyMs: 0 };
const TRANSFER_MS = 30_000;
const HTTP_SILENCE_MS = 5_000;

/** @param from the local address to send from */
export function fetchProgram(program: Program, from: string): Promise<Fetched> {
  return program.by === 'http' ? fetchUrl(program.url, from) : fetchByTftp(program, from);
}

async function fetchByTftp({ server, file }: { readonly server: string; readonly file: string }, from: string): Promise<Fetched> {
  const large = await attempt({ host: server, name: file }, from, { blockSize: LARGE_BLOCK });
  if (large.kind !== 'silent' && large.kind !== 'broken') return large;
  const small = await attempt({ host: server, name: file }, from, {});
  return small.kind === 'served' ? { kind: 'large-lost' } : large;
}

interface Named {
  readonly host: string;
  readonly name: string;
}

async function attempt({ host, name }: Named, from: string, options: ClientOptions): Promise<Fetched> {
  const enough = new AbortController();
  let bytes = 0;
  let total: number | undefined;
  const take = (part: Uint8Array) => {
    bytes += part.length;
    if (bytes >= ENOUGH_BYTES) enough.abort();
  };
  const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(TRANSFER_MS)]);
  const onProgress: ClientOptions['onProgress'] = (progress) => {
    total = progress.total;
  };
  try {
    await download({ host, port: 69, name }, take, { ...options, localAddress: from, limits: LIMITS, signal, onProgress });
    return bytes === 0 ? { kind: 'empty' } : { kind: 'served', bytes, total };
  } catch (error) {
    if (enough.signal.aborted) return { kind: 'served', bytes, total };
    if (!(error instanceof ClientError)) return { kind: 'broken', text: error instanceof Error ? error.message : String(error) };
    if (error.kind === 'error') return { kind: 'refused', text: `ERROR ${error.code} "${error.message}"` };
    if (error.kind === 'refused') return { kind: 'closed' };
    return error.kind === 'timeout' && bytes === 0 ? { kind: 'silent' } : { kind: 'broken', text: error.message };
  }
}

/** HEAD and GET on one connection each, as UEFI does; it follows no redirect. Which certificates a firmware trusts is not known here. */
async function fetchUrl(url: string, from: string): Promise<Fetched> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) return { kind: 'broken', text: 'it is not a URL' };
  const head = await exchange('HEAD', parsed, from);
  if (head.kind !== 'served' && head.kind !== 'empty') return head;
  return await exchange('GET', parsed, from);
}

function exchange(method: 'HEAD' | 'GET', url: URL, from: string): Promise<Fetched> {
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const settings = { method, localAddress: from, timeout: HTTP_SILENCE_MS, rejectUnauthorized: false, agent: false as const };
    const asking = send(url, settings, (response) => {
      const { statusCode = 0, statusMessage = '', headers } = response;
      const length = headers['content-length'];
      const total = length === undefined ? undefined : Number(length);
      let bytes = 0;
      const end = (fetched: Fetched) => {
        resolve(fetched);
        asking.destroy();
      };
      if (statusCode !== 200) return end({ kind: 'refused', text: `${statusCode} ${statusMessage}` });
      if (method === 'HEAD') return end(total === 0 ? { kind: 'empty' } : { kind: 'served', bytes: 0, total });
      response.on('data', (part: Uint8Array) => {
        bytes += part.length;
        if (bytes >= ENOUGH_BYTES) end({ kind: 'served', bytes, total });
      });
      response.on('end', () => end(bytes === 0 ? { kind: 'empty' } : { kind: 'served', bytes, total }));
      response.on('error', (error) => end({ kind: 'broken', text: error.message }));
    });
    const limit = setTimeout(() => asking.destroy(new Error(`not complete within ${TRANSFER_MS / 1000} s`)), TRANSFER_MS);
    asking.on('close', () => clearTimeout(limit));
    asking.on('timeout', () => {
      resolve({ kind: 'silent' });
      asking.destroy();
    });
    asking.on('error', (error: NodeJS.ErrnoException) => resolve(failureOf(error)));
    asking.end();
  });
}

function failureOf({ code, message }: NodeJS.ErrnoException): Fetched {
  if (code === 'ECONNREFUSED') return { kind: 'closed' };
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return { kind: 'silent' };
  return { kind: 'broken', text: message };
}
