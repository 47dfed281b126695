/**
 * Many clients at once, in a thread of their own: each asks once from a socket of its own, acknowledges what comes, and never sends
 * anything twice. Raises a flag when every request is out, and posts what came of them when all have ended or time
 * is up.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { type Address, ack, type Options, parse, rrq } from './tftp.ts';

/** What the clients are to do. */
export interface StormTask {
  readonly server: Address;
  readonly name: string;
  readonly clients: number;
  readonly options: Options;
  /** Set to 1, and notified, when every request is out. */
  readonly asked: Int32Array;
  readonly limitMs: number;
  /** One more client, which asks for all there is of another file, and acknowledges it as fast as it comes. */
  readonly greedy?: { readonly name: string; readonly options: Options };
}

/** What came of them. */
export interface Storm {
  /** Milliseconds from the request to the last block, of those that completed. */
  readonly times: readonly number[];
  /** Blocks that came twice. */
  readonly duplicates: number;
  /** What the greedy client was sent. */
  readonly greedyBytes: number;
}

const { server, name, clients, options, asked, limitMs, greedy } = workerData as StormTask;
let duplicates = 0;
let greedyBytes = 0;

const greedySocket = greedy && (await devour(greedy));

const sockets: Socket[] = [];
for (let i = 0; i < clients; i++) sockets.push(await open());
const fetches = sockets.map(fetch);
let out = 0;
for (const [, request] of fetches) {
  request(() => {
    if (++out < clients) return;
    Atomics.store(asked, 0, 1);
    Atomics.notify(asked, 0);
  });
}
const times: number[] = [];
const all = Promise.all(fetches.map(([transfer]) => transfer.then(({ ms }) => void times.push(ms))));
await Promise.race([all, new Promise((resolve) => setTimeout(resolve, limitMs))]);
greedySocket?.close();
parentPort?.postMessage({ times, duplicates, greedyBytes } satisfies Storm);

async function open(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Begins a greedy client; resolves when its first block has come. */
async function devour({ name, options }: NonNullable<StormTask['greedy']>): Promise<Socket> {
  const socket = await open();
  let [have, inWindow, windowSize] = [0, 0, 1];
  socket.setRecvBufferSize(8 * 1024 ** 2);
  let impatience: NodeJS.Timeout | undefined;
  socket.once('close', () => clearInterval(impatience));
  const { promise, resolve } = Promise.withResolvers<Socket>();
  socket.on('message', (datagram, from) => {
    const reply = parse(datagram);
    if (reply.kind === 'oack') {
      windowSize = Number(reply.options.windowsize);
      socket.send(ack(0), from.port, from.address);
    }
    if (reply.kind !== 'data') return;
    greedyBytes += reply.payload.length;
    const fits = reply.block === (have + 1) % 65536;
    if (fits) have = reply.block;
    const acknowledge = () => {
      inWindow = 0;
      socket.send(ack(have), from.port, from.address);
    };
    clearInterval(impatience);
    // What its socket does not hold is lost.
    impatience = setInterval(acknowledge, 10);
    if (!fits || ++inWindow === windowSize) acknowledge();
    resolve(socket);
  });
  socket.send(rrq(name, 'octet', options), server.port, server.address);
  return promise;
}

/** A transfer, and what begins it. */
function fetch(socket: Socket): readonly [Promise<{ bytes: number; ms: number }>, (sent?: () => void) => void] {
  const { promise, resolve } = Promise.withResolvers<{ bytes: number; ms: number }>();
  let [expected, bytes, blockSize, windowSize, unacknowledged, begun] = [1, 0, 512, 1, 0, 0];
  socket.on('message', (datagram, from) => {
    const reply = parse(datagram);
    if (reply.kind === 'oack') {
      blockSize = Number(reply.options.blksize ?? 512);
      windowSize = Number(reply.options.windowsize ?? 1);
      if (expected === 1) socket.send(ack(0), from.port, from.address);
    }
    if (reply.kind !== 'data') return;
    if (reply.block !== expected % 65536) return void duplicates++;
    expected++;
    bytes += reply.payload.length;
    const ended = reply.payload.length < blockSize;
    if (!ended && ++unacknowledged < windowSize) return;
    unacknowledged = 0;
    socket.send(ack(reply.block), from.port, from.address, () => {
      if (ended) socket.close();
    });
    if (ended) resolve({ bytes, ms: performance.now() - begun });
  });
  const request = (sent = () => {}) => {
    begun = performance.now();
    socket.send(rrq(name, 'octet', options), server.port, server.address, sent);
  };
  return [promise, request];
}
