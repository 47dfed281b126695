/**
 * A TFTP client on a raw socket: it sends what a test tells it to, right or wrong, and shows what came back. The protocol is
 * written again here rather than taken from `src/`, so that the server is not measured by itself.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

export interface Address {
  readonly address: string;
  readonly port: number;
}

export interface Datagram {
  readonly bytes: Buffer;
  readonly from: Address;
}

/** What a server sends. */
export type Reply =
  | { readonly kind: 'data'; readonly block: number; readonly payload: Buffer }
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | { readonly kind: 'oack'; readonly options: Readonly<Record<string, string>> }
  | { readonly kind: 'junk' };

export type Options = Readonly<Record<string, string | number>>;

export const rrq = (name: string, mode = 'octet', options: Options = {}): Buffer => request(1, name, mode, options);
export const wrq = (name: string, mode = 'octet', options: Options = {}): Buffer => request(2, name, mode, options);
export const ack = (block: number): Buffer => header(4, block);
export const data = (block: number, payload: Uint8Array): Buffer => Buffer.concat([header(3, block), payload]);
export const error = (code: number, message: string): Buffer => Buffer.concat([header(5, code), Buffer.from(`${message}\0`)]);

export function parse(bytes: Buffer): Reply {
  if (bytes.length < 4 && bytes[1] !== 6) return { kind: 'junk' };
  switch (bytes.readUInt16BE(0)) {
    case 3:
      return { kind: 'data', block: bytes.readUInt16BE(2), payload: bytes.subarray(4) };
    case 4:
      return { kind: 'ack', block: bytes.readUInt16BE(2) };
    case 5:
      return { kind: 'error', code: bytes.readUInt16BE(2), message: bytes.subarray(4, -1).toString() };
    case 6: {
      const texts = bytes.subarray(2, -1).toString().split('\0');
      const pairs = texts.flatMap((name, i) => (i % 2 === 0 && name !== '' ? [[name, texts[i + 1]!] as const] : []));
      return { kind: 'oack', options: Object.fromEntries(pairs) };
    }
  }
  return { kind: 'junk' };
}

/** One socket. Leaving its scope closes it. */
export class Peer implements AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #queue: Datagram[] = [];
  #wake = () => {};
  /** Sends under way. */
  readonly #sending = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.address = socket.address().address;
    this.port = socket.address().port;
    socket.on('message', (bytes, { address, port }) => {
      this.#queue.push({ bytes, from: { address, port } });
      this.#wake();
    });
    socket.on('error', () => {});
  }

  static async open(address = '127.0.0.1', port = 0): Promise<Peer> {
    const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', recvBufferSize: 4 * 1024 ** 2 });
    socket.bind(port, address);
    await once(socket, 'listening');
    return new Peer(socket);
  }

  /** The descriptor, to hand it to another process. */
  get fd(): number {
    const hidden = Object.getOwnPropertySymbols(this.#socket).map((key) => Reflect.get(this.#socket, key) as unknown);
    const state = hidden.find((value) => typeof value === 'object' && value !== null && 'handle' in value);
    return (state as { readonly handle: { readonly fd: number } }).handle.fd;
  }

  send(to: Address, bytes: Uint8Array): void {
    const sent = new Promise<void>((resolve) => this.#socket.send(bytes, to.port, to.address, () => resolve()));
    this.#sending.add(sent);
    void sent.then(() => this.#sending.delete(sent));
  }

  /** The next datagram, `undefined` if none comes in time. */
  async poll(timeoutMs: number): Promise<Datagram | undefined> {
    if (this.#queue.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = () => {};
    }
    return this.#queue.shift();
  }

  async next(timeoutMs = 5000): Promise<Datagram> {
    const datagram = await this.poll(timeoutMs);
    if (!datagram) throw new Error(`nothing came to port ${this.port} within ${timeoutMs} ms`);
    return datagram;
  }

  /** The next one, read. */
  async reply(timeoutMs = 5000): Promise<Reply & { readonly from: Address }> {
    const { bytes, from } = await this.next(timeoutMs);
    return { ...parse(bytes), from };
  }

  /** The next one that fits; what is sent once more on the way is passed over. */
  async find(fits: (reply: Reply) => boolean, timeoutMs = 5000): Promise<Reply & { readonly from: Address }> {
    for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; ) {
      const reply = await this.reply(timeoutMs);
      if (fits(reply)) return reply;
    }
    throw new Error(`nothing that fits came to port ${this.port} within ${timeoutMs} ms`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= Promise.all(this.#sending).then(() => new Promise<void>((resolve) => this.#socket.close(() => resolve())));
    return this.#closed;
  }
}

export const isAck =
  (block: number) =>
  (reply: Reply): boolean =>
    reply.kind === 'ack' && reply.block === block;

export const isData =
  (block: number) =>
  (reply: Reply): boolean =>
    reply.kind === 'data' && reply.block === block;

export const isError = (reply: Reply): boolean => reply.kind === 'error';

export interface GetOptions {
  readonly mode?: string;
  readonly options?: Options;
  /** Address, and port if it matters, to ask from. */
  readonly local?: string;
  readonly port?: number;
  /** Awaited before each ACK: a slow client. May throw to walk away without a word. */
  readonly pace?: ((bytes: number) => Promise<void> | void) | undefined;
  readonly retryMs?: number;
}

/** What came of a request to read. */
export interface Got {
  readonly bytes: Buffer;
  /** The options of the OACK; `undefined` without one. */
  readonly agreed: Readonly<Record<string, string>> | undefined;
  /** The ERROR that ended it. */
  readonly error: { readonly code: number; readonly message: string } | undefined;
  /** Where the replies came from. */
  readonly from: Address;
  /** Times that this client lost patience, and DATA that it had already. */
  readonly retries: number;
  readonly duplicates: number;
}

/** Reads a file to its end, or to the server's ERROR. Throws if the server falls silent. */
export async function get(server: Address, name: string, how: GetOptions = {}): Promise<Got> {
  await using peer = await Peer.open(how.local ?? (isIPv6(server.address) ? '::1' : '127.0.0.1'), how.port);
  return await getBy(peer, server, name, how);
}

/** The same over a socket that is there already. */
export async function getBy(peer: Peer, server: Address, name: string, how: GetOptions = {}): Promise<Got> {
  const parts: Buffer[] = [];
  let agreed: Got['agreed'];
  let from: Address = server;
  let last: Buffer = rrq(name, how.mode, how.options);
  let [expected, unacknowledged, received, retries, duplicates] = [1, 0, 0, 0, 0];
  let [blockSize, windowSize, reported] = [512, 1, 0];
  const send = (bytes: Buffer) => {
    last = bytes;
    peer.send(from, bytes);
  };
  send(last);
  for (let silent = 0; silent < 8; ) {
    const datagram = await peer.poll(how.retryMs ?? 1000);
    if (!datagram) {
      silent++;
      retries++;
      peer.send(from, last);
      continue;
    }
    const reply = parse(datagram.bytes);
    if (from !== server && datagram.from.port !== from.port) continue;
    if (reply.kind === 'error') {
      return { bytes: Buffer.concat(parts), agreed, error: reply, from: datagram.from, retries, duplicates };
    }
    if (reply.kind === 'oack') {
      agreed = reply.options;
      from = datagram.from;
      blockSize = Number(agreed.blksize ?? 512);
      windowSize = Number(agreed.windowsize ?? 1);
      if (expected === 1) send(ack(0));
    } else if (reply.kind === 'data') {
      from = datagram.from;
      if (reply.block !== expected % 65536) {
        const isAhead = (reply.block - expected + 65536) % 65536 < 32768;
        if (!isAhead) duplicates++;
        // RFC 7440 §4: a gap is reported, and the window begins again behind it.
        else if (windowSize > 1 && reported !== expected) {
          reported = expected;
          unacknowledged = 0;
          send(ack((expected - 1) % 65536));
        }
        continue;
      }
      silent = 0;
      parts.push(reply.payload);
      received += reply.payload.length;
      const ended = reply.payload.length < blockSize;
      if (ended || ++unacknowledged === windowSize) {
        await how.pace?.(received);
        send(ack(expected % 65536));
        unacknowledged = 0;
      } else last = ack(expected % 65536);
      if (ended) return { bytes: Buffer.concat(parts), agreed, error: undefined, from, retries, duplicates };
      expected++;
    }
  }
  throw new Error(`the server fell silent over ${JSON.stringify(name)} at block ${expected}`);
}

export interface PutOptions extends Omit<GetOptions, 'pace'> {
  /** Awaited before each block; may throw to walk away without a word. */
  readonly pace?: ((block: number) => Promise<void> | void) | undefined;
}

/** What came of a request to write. */
export type Put = Pick<Got, 'agreed' | 'error' | 'from' | 'retries'>;

/** Writes a file. Throws if the server falls silent. */
export async function put(server: Address, name: string, bytes: Uint8Array, how: PutOptions = {}): Promise<Put> {
  await using peer = await Peer.open(how.local ?? (isIPv6(server.address) ? '::1' : '127.0.0.1'), how.port);
  return await putBy(peer, server, name, bytes, how);
}

export async function putBy(peer: Peer, server: Address, name: string, bytes: Uint8Array, how: PutOptions = {}): Promise<Put> {
  let agreed: Got['agreed'];
  let from: Address = server;
  let [acknowledged, retries, blockSize, windowSize] = [-1, 0, 512, 1];
  const blocks = () => Math.floor(bytes.length / blockSize) + 1;
  const flight = async () => {
    for (let block = acknowledged + 1; block <= Math.min(acknowledged + windowSize, blocks()); block++) {
      await how.pace?.(block);
      peer.send(from, data(block % 65536, bytes.subarray((block - 1) * blockSize, block * blockSize)));
    }
  };
  const first = wrq(name, how.mode, how.options);
  peer.send(server, first);
  for (let silent = 0; silent < 8; ) {
    const datagram = await peer.poll(how.retryMs ?? 1000);
    if (!datagram) {
      silent++;
      retries++;
      if (acknowledged < 0) peer.send(server, first);
      else await flight();
      continue;
    }
    const reply = parse(datagram.bytes);
    if (reply.kind === 'error') return { agreed, error: reply, from: datagram.from, retries };
    if (reply.kind === 'oack' && acknowledged < 0) {
      agreed = reply.options;
      blockSize = Number(agreed.blksize ?? 512);
      windowSize = Number(agreed.windowsize ?? 1);
    } else if (reply.kind !== 'ack') continue;
    const block = reply.kind === 'ack' ? acknowledged + ((reply.block - acknowledged + 65536) % 65536) : 0;
    if (block <= acknowledged || block > Math.max(0, acknowledged) + windowSize) continue;
    silent = 0;
    from = datagram.from;
    acknowledged = block;
    if (acknowledged === blocks()) return { agreed, error: undefined, from, retries };
    await flight();
  }
  throw new Error(`the server fell silent over ${JSON.stringify(name)} at block ${acknowledged}`);
}

function request(opcode: number, name: string, mode: string, options: Options): Buffer {
  const texts = [name, mode, ...Object.entries(options).flat()];
  return Buffer.concat([Buffer.from([0, opcode]), ...texts.map((text) => Buffer.from(`${text}\0`))]);
}

function header(opcode: number, block: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(opcode, 0);
  bytes.writeUInt16BE(block, 2);
  return bytes;
}
