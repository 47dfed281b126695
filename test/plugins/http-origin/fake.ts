/** An HTTP server that keeps to RFC 9110 until a test tells it not to, and writes down what it was asked. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Served {
  readonly bytes: Uint8Array;
  readonly etag?: string;
  readonly lastModified?: string;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** Answers a request in place of the origin. */
export type Trick = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface FakeOrigin {
  /** With the path `/pub/`. */
  readonly url: string;
  readonly origin: string;
  readonly port: number;
  /** By path: `/pub/kernel`. */
  readonly files: Map<string, Served>;
  readonly asked: Asked[];
  /** Each is used once, in order; then the origin answers as it should. */
  readonly tricks: Trick[];
  /** Answers as it should. */
  answer: Trick;
  /** Nobody listens any more; connections are cut. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
}

export async function fakeOrigin(files: Record<string, Served | string> = {}): Promise<FakeOrigin> {
  const table = new Map(Object.entries(files).map(([name, file]) => [`/pub/${name}`, asServed(file)]));
  const asked: Asked[] = [];
  const tricks: Trick[] = [];
  const answer: Trick = (request, response) => respond(table.get(request.url ?? ''), request, response);
  const server = createServer((request, response) => {
    asked.push({ method: request.method!, url: request.url!, headers: request.headers });
    (tricks.shift() ?? answer)(request, response);
  });
  let port = 0;
  const start = async () => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  await start();
  onTestFinished(stop);
  const origin = `http://127.0.0.1:${port}`;
  return { url: `${origin}/pub/`, origin, port, files: table, asked, tricks, answer, start, stop };
}

export function asServed(file: Served | string): Served {
  return typeof file === 'string' ? { bytes: Buffer.from(file), etag: `"${file.length}-${file}"` } : file;
}

function respond(file: Served | undefined, { method, headers }: IncomingMessage, response: ServerResponse): void {
  if (!file) return void response.writeHead(404).end('no such file');
  const { bytes, etag, lastModified } = file;
  const validators = { ...(etag ? { etag } : {}), ...(lastModified ? { 'last-modified': lastModified } : {}) };
  if (etag !== undefined && headers['if-none-match'] === etag) return void response.writeHead(304, validators).end();
  if (etag === undefined && lastModified !== undefined && headers['if-modified-since'] === lastModified)
    return void response.writeHead(304, validators).end();
  const from = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1];
  if (from !== undefined && [etag, lastModified].includes(headers['if-range'] as string)) {
    if (Number(from) >= bytes.length) return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    const part = bytes.subarray(Number(from));
    const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    return void response.writeHead(206, { ...validators, 'content-length': part.length, 'content-range': range }).end(part);
  }
  response.writeHead(200, { ...validators, 'content-length': bytes.length }).end(method === 'HEAD' ? undefined : bytes);
}

/** Sends the beginning of a file and cuts the connection. */
export function cutAfter(file: Served, count: number): Trick {
  return (_, response) => {
    const { bytes, etag, lastModified } = file;
    response.writeHead(200, {
      'content-length': bytes.length,
      ...(etag ? { etag } : {}),
      ...(lastModified ? { 'last-modified': lastModified } : {}),
    });
    response.write(bytes.subarray(0, count), () => setImmediate(() => response.destroy()));
  };
}
