/** A server that serves HTTP on loopback, and a client that sends bytes as they are written. */
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Config } from '../../src/index.ts';
import { type Folder, folder, type Lab, lab } from './lab.ts';
import type { Address } from './tftp.ts';

export interface HttpLab extends Lab {
  /** The first one that HTTP is served at. */
  readonly http: Address;
}

export async function httpLab({ http, ...config }: Config = {}, at: Folder = folder()): Promise<HttpLab> {
  const made = await lab({ ...config, http: { listen: [{ address: '127.0.0.1', port: 0 }], ...http } }, at);
  return { ...made, http: made.server.addresses[1]! };
}

export interface HttpReply {
  readonly status: number;
  /** With the names as they were spelt. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A connection to HTTP whose bytes a test writes itself. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #chunks: Buffer[] = [];

  constructor({ address, port }: Address) {
    this.socket = connect({ host: address, port, allowHalfOpen: true });
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes: Buffer) => void this.#chunks.push(bytes));
    this.socket.on('end', () => this.socket.end());
    onTestFinished(() => void this.socket.destroy());
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** All that has come once the server has closed the connection. */
  async all(): Promise<Buffer> {
    await this.closed;
    return Buffer.concat(this.#chunks);
  }
}

/** What comes for these bytes until the server closes. @param halfClose closes the client's side at once */
export async function converse(address: Address, text: string, halfClose = false): Promise<Buffer> {
  const client = new RawClient(address);
  client.send(text);
  if (halfClose) client.socket.end();
  return client.all();
}

/** Each answer of a conversation. @param methods of the requests, since an answer to HEAD has no body */
export function repliesOf(bytes: Buffer, methods: readonly string[]): HttpReply[] {
  const replies: HttpReply[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`not an answer: ${rest.subarray(0, 100)}`);
    const [line, ...fields] = rest.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) ./.exec(line!)?.[1]);
    const headers = Object.fromEntries(fields.map((field) => field.split(': ') as [string, string]));
    const hasBody = methods[replies.length] !== 'HEAD' && status !== 304;
    const length = hasBody ? Number(headers['Content-Length'] ?? rest.length) : 0;
    replies.push({ status, headers, body: rest.subarray(end + 4, end + 4 + length) });
    rest = rest.subarray(end + 4 + length);
  }
  return replies;
}

/** One request on a connection of its own. Rejects if there is no answer. */
export async function ask(
  address: Address,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<HttpReply> {
  const lines = Object.entries({ Host: 'pxe', Connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = await converse(address, `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
  const [reply] = repliesOf(bytes, [method]);
  if (reply === undefined) throw new Error('the connection was closed without an answer');
  return reply;
}
