/**
 * The HTTP server itself: its connections, its requests, and what it refuses without asking the pipeline.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Refusal } from '../base/refusal.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { LocalAddress, Prepared, ServiceHost } from '../service/service.ts';
import { Connection } from './connection.ts';
import { HttpExchange } from './exchange.ts';
import { type Bind, bindNode, Listeners } from './listeners.ts';
import { Reply } from './reply.ts';
import { type Received, understand } from './request.ts';

type HttpConfig = NonNullable<ResolvedConfig['http']>;

const STOPPING = Object.freeze(new Refusal('unavailable', 'server is stopping'));
/** How often connections are looked at. */
const SWEEP_MS = 500;
/** Answers to what is not HTTP, by Node's code. */
const MALFORMED: Readonly<Record<string, string>> = { HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large' };

export class Front {
  readonly #host: ServiceHost;
  readonly #listeners: Listeners;
  readonly #connections = new Map<Duplex, Connection>();
  readonly #open = new Map<string, number>();
  /** Made for each size of headers that a config allows. */
  #server: Server | undefined;
  #headerBytes = 0;
  #limits!: HttpConfig['limits'];
  #openCount = 0;
  #isSweepDue = false;
  #stopping = false;
  #onIdle = () => {};

  constructor(host: ServiceHost, bind: Bind = bindNode) {
    this.#host = host;
    this.#listeners = new Listeners(bind, {
      onAccept: (socket) => this.#accept(socket),
      onConnection: (socket, isSecure) => this.#connect(socket as Socket, isSecure),
      onError: (error) => host.log.error({ err: error }, 'an HTTP connection cannot be accepted'),
    });
  }

  get addresses(): readonly LocalAddress[] {
    return this.#listeners.addresses;
  }

  get exchanges(): readonly HttpExchange[] {
    return Array.from(this.#connections.values(), ({ current }) => current).filter((current) => current !== undefined);
  }

  async prepare(config: HttpConfig | undefined, dir: string): Promise<Prepared> {
    // A client may come as soon as an address is bound.
    this.#limits ??= config!.limits;
    this.#serve(this.#limits.headerBytes);
    const { commit, abandon } = await this.#listeners.prepare(config, dir);
    return {
      commit: () => {
        if (config) {
          this.#limits = config.limits;
          this.#serve(config.limits.headerBytes);
        } else this.#closeIdle();
        return commit();
      },
      abandon,
    };
  }

  async stop(graceOver: Promise<void>): Promise<void> {
    this.#stopping = true;
    void this.#listeners.close();
    this.#closeIdle();
    const emptied = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    if (this.#connections.size === 0) return;
    await Promise.race([emptied, graceOver]);
    for (const connection of this.#connections.values()) connection.cut();
    if (this.#connections.size > 0) await emptied;
  }

  /** Connections that no request is answered on are closed now, the others after their answer. */
  #closeIdle(): void {
    for (const connection of this.#connections.values()) {
      connection.isLast = true;
      if (connection.isIdle) connection.socket.destroySoon();
    }
  }

  #serve(headerBytes: number): void {
    if (this.#server && this.#headerBytes === headerBytes) return;
    this.#headerBytes = headerBytes;
    // Firmware of old speaks HTTP/1.0, without Host. Connections are bounded by the sweep, on the server's own clock.
    const options = {
      requireHostHeader: false,
      maxHeaderSize: headerBytes,
      keepAliveTimeout: 0,
      requestTimeout: 0,
      headersTimeout: 0,
    };
    const server = createServer(options, (request, response) => this.#request(request, response));
    // Answered before its body is sent, since nothing takes a body.
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => this.#request(request, response));
    // No expectation is understood, so each is ignored (RFC 9110 §10.1.1). Node would refuse it in chunks.
    server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => this.#request(request, response));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#malformed(error, socket as Socket));
    // A client may close its side once it has asked (RFC 9112 §9.6): Node has a switch for it, and no type.
    Object.assign(server, { httpAllowHalfOpen: true });
    this.#server = server;
  }

  /** Counted from here to the end of the socket, with or without TLS. */
  #accept(socket: Socket): boolean {
    const { stats } = this.#host;
    const client = socket.remoteAddress ?? '';
    const count = this.#open.get(client) ?? 0;
    const { connections, connectionsPerClient } = this.#limits;
    if (this.#stopping || this.#openCount >= connections || count >= connectionsPerClient) {
      stats.add('http-connections.refused');
      return false;
    }
    stats.add('http-connections.accepted');
    this.#open.set(client, count + 1);
    this.#countOpen(1);
    socket.once('close', () => {
      const left = (this.#open.get(client) ?? 1) - 1;
      if (left === 0) this.#open.delete(client);
      else this.#open.set(client, left);
      this.#countOpen(-1);
    });
    return true;
  }

  #countOpen(change: number): void {
    this.#openCount += change;
    this.#host.stats.set('live.http-connections', this.#openCount);
  }

  #connect(socket: Socket, isSecure: boolean): void {
    const connection = new Connection(socket, isSecure, this.#host.clock.now());
    this.#connections.set(socket, connection);
    // A reset is the usual end of a transfer by GRUB and shim.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#connections.delete(socket);
      connection.forget();
      if (connection.current) void connection.current.onClose(false);
      if (this.#connections.size === 0) this.#onIdle();
    });
    this.#server!.emit('connection', socket);
    this.#sweepLater();
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    // Of what came together, Node goes on to read what follows the request that ended the connection.
    if (!connection || connection.socket.destroyed) return void response.destroy();
    if (!connection.enqueue(() => this.#begin(connection, request, response), this.#limits)) {
      this.#host.stats.add('http-connections.too-slow');
      connection.cut();
    }
  }

  /** The generation is fixed here, with nothing awaited before. */
  #begin(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
    if (hasBody || this.#stopping) connection.isLast = true;
    const reply = new Reply(response, this.#host.stats, connection.isLast);
    const refuse = (status: number, message: string, extra: readonly (readonly [string, string])[] = []) => {
      response.once('close', () => this.#over(connection));
      reply.text(status, message, extra);
    };
    if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'only GET and HEAD are served', [['Allow', 'GET, HEAD']]);
    const understood = understand(received(connection, method, url, headers));
    if (understood === undefined) return refuse(400, 'the request target is malformed');
    const lease = this.#host.lease();
    const question = { reply, headers, callMs: this.#limits.idleMs };
    const taken = this.#stopping ? { ...understood, refusal: STOPPING } : understood;
    const exchange = new HttpExchange(this.#host, lease, { ...question, understood: taken }, () => this.#over(connection));
    connection.begin(exchange, this.#host.clock.now());
    response.on('drain', () => exchange.onDrain());
    response.on('close', () => void exchange.onClose(response.writableFinished));
    exchange.begin();
  }

  #over(connection: Connection): void {
    connection.next(this.#host.clock.now());
    if (connection.isLast && connection.isIdle) connection.socket.destroySoon();
  }

  /** What is not HTTP gets an answer unless that would mix with another one. */
  #malformed({ code = '' }: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (!socket.writable || !connection?.isIdle) return void socket.destroy();
    const status = MALFORMED[code] ?? '400 Bad Request';
    const text = `${status.slice(4).toLowerCase()}\n`;
    const head = `HTTP/1.1 ${status}\r\nContent-Length: ${text.length}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n`;
    this.#host.stats.add('http-answers.client-error');
    socket.end(head + text);
    socket.destroySoon();
  }

  #sweepLater(): void {
    if (this.#isSweepDue) return;
    this.#isSweepDue = true;
    this.#host.clock.setTimeout(() => this.#sweep(), SWEEP_MS);
  }

  #sweep(): void {
    this.#isSweepDue = false;
    const now = this.#host.clock.now();
    for (const connection of this.#connections.values()) {
      const verdict = connection.judge(now, this.#limits);
      if (verdict === undefined) continue;
      if (verdict === 'too-slow') this.#host.stats.add('http-connections.too-slow');
      connection.cut();
    }
    if (this.#connections.size > 0) this.#sweepLater();
  }
}

function received(
  { socket, isSecure }: Connection,
  method: 'GET' | 'HEAD',
  target: string,
  headers: IncomingMessage['headers'],
): Received {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
  const client = { address: plain(remoteAddress), port: remotePort };
  return { client, local: { address: plain(localAddress), port: localPort }, method, target, headers, isSecure };
}

/** A dual-stack socket tells IPv4 clients as IPv6 addresses (RFC 4291 §2.5.5.2). */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
