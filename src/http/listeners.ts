/**
 * What HTTP listens on: what a new config lists as well stays open, what is new is bound before anything is closed.
 */
import { readFile } from 'node:fs/promises';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { createSecureContext, createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { errorText } from '../base/error-text.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { LocalAddress, Prepared } from '../service/service.ts';

type HttpConfig = NonNullable<ResolvedConfig['http']>;

/** Where connections come from. */
export interface Bound {
  readonly address: LocalAddress;
  /** Takes another certificate for connections to come. */
  secure(credentials: Credentials): void;
  /** Accepts no more connections. */
  close(): Promise<void>;
}

export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

export interface ConnectionEvents {
  /** A connection has come; whether it is wanted. Otherwise it is closed. */
  onAccept(socket: Socket): boolean;
  /** Its bytes may be read: after the TLS handshake, if there is one. */
  onConnection(socket: Duplex, isSecure: boolean): void;
  /** A connection could not be accepted: the system is short of something. */
  onError(error: Error): void;
}

/** Binds one address. Rejects with Node's system error. */
export type Bind = (on: LocalAddress, credentials: Credentials | undefined, events: ConnectionEvents) => Promise<Bound>;

export class Listeners {
  readonly #bind: Bind;
  readonly #events: ConnectionEvents;
  /** By setting, as text. */
  #current = new Map<string, Bound>();

  constructor(bind: Bind, events: ConnectionEvents) {
    this.#bind = bind;
    this.#events = events;
  }

  get addresses(): readonly LocalAddress[] {
    return Array.from(this.#current.values(), ({ address }) => address);
  }

  /** Rejects, and nothing new is bound, if an address cannot be bound or a certificate not be used. */
  async prepare(config: HttpConfig | undefined, dir: string): Promise<Prepared> {
    const credentials = config?.tls && (await readCredentials(config.tls, dir));
    const next = new Map<string, Bound>();
    const fresh: Bound[] = [];
    const abandon = async () => void (await Promise.all(fresh.map((bound) => bound.close())));
    const add = async (all: readonly LocalAddress[], on: LocalAddress, tls: Credentials | undefined) => {
      const key = `${tls ? 'https' : 'http'} ${on.port} ${on.address}`;
      const bound =
        this.#current.get(key) ??
        next.get(key) ??
        (await this.#bind(on, tls, this.#events).catch((error: unknown) => {
          if (!isWithoutIpv6(error, on, all)) throw error;
        }));
      if (bound === undefined) return;
      if (!this.#current.has(key) && !next.has(key)) fresh.push(bound);
      next.set(key, bound);
    };
    try {
      for (const [all, tls] of [[config?.listen, undefined] as const, [config?.tls?.listen, credentials] as const])
        for (const on of all ?? []) await add(all ?? [], on, tls);
    } catch (error) {
      await abandon();
      throw error;
    }
    return { commit: () => this.#commit(next, credentials), abandon };
  }

  async close(): Promise<void> {
    const closing = [...this.#current.values()];
    this.#current = new Map();
    await Promise.all(closing.map((bound) => bound.close()));
  }

  #commit(next: Map<string, Bound>, credentials: Credentials | undefined): readonly LocalAddress[] {
    const before = this.#current;
    this.#current = next;
    for (const [key, bound] of before) if (!next.has(key)) void bound.close();
    for (const bound of next.values()) if (credentials) bound.secure(credentials);
    return [...next].filter(([key]) => !before.has(key)).map(([, { address }]) => address);
  }
}

/** All addresses are asked for, on a machine whose kernel has IPv4 alone (`ipv6.disable=1`). */
function isWithoutIpv6(error: unknown, on: LocalAddress, all: readonly LocalAddress[]): boolean {
  const isAll = on.address === '::' && all.some(({ address, port }) => address === '0.0.0.0' && port === on.port);
  return isAll && (error as NodeJS.ErrnoException).code === 'EAFNOSUPPORT';
}

/** The segment that is being read, and one that waits. */
const WRITE_BUFFER_BYTES = 128 * 1024;
const BACKLOG = 1024;
const HANDSHAKE_MS = 10_000;

/** By Node's TCP and TLS. @param handshakeMs a connection is closed unless its TLS handshake is complete after this time */
export const bindNode = async (
  on: LocalAddress,
  credentials: Credentials | undefined,
  events: ConnectionEvents,
  handshakeMs = HANDSHAKE_MS,
): Promise<Bound> => {
  const secured = credentials && tlsServer(credentials, events, handshakeMs);
  const server = secured ?? tcpServer(events);
  await listen(server, on);
  // Node ends the process for an error that nobody listens to.
  server.on('error', events.onError);
  const { address, port } = server.address() as { readonly address: string; readonly port: number };
  return {
    address: { address, port },
    secure: (next) => secured?.setSecureContext(next),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
};

/** A client may close its side once it has asked (RFC 9112 §9.6). */
const sockets = { allowHalfOpen: true, noDelay: true, highWaterMark: WRITE_BUFFER_BYTES };

function tcpServer({ onAccept, onConnection }: ConnectionEvents): Server {
  return createTcpServer(sockets, (socket) => {
    if (onAccept(socket)) onConnection(socket, false);
    else socket.destroy();
  });
}

function tlsServer(credentials: Credentials, { onAccept, onConnection }: ConnectionEvents, handshakeTimeout: number): TlsServer {
  // Node would keep a connection forever whose client closes its side during the handshake.
  const options = { ...sockets, allowHalfOpen: false, ALPNProtocols: ['http/1.1'], handshakeTimeout };
  const server = createTlsServer({ ...options, ...credentials });
  server.prependListener('connection', (socket: Socket) => {
    if (!onAccept(socket)) socket.destroy();
  });
  // Node only tells of a handshake that is late.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  server.on('secureConnection', (socket) => {
    socket.allowHalfOpen = sockets.allowHalfOpen;
    onConnection(socket, true);
  });
  return server;
}

function listen(server: Server, { address, port }: LocalAddress): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: Error) => reject(withRemedy(error, port));
  server.once('error', onError);
  server.listen({ host: address, port, ipv6Only: address.includes(':'), backlog: BACKLOG }, () => {
    server.off('error', onError);
    resolve();
  });
  return promise;
}

/** What the operator can do, where that differs from UDP. */
function withRemedy(error: Error, port: number): Error {
  const { code } = error as NodeJS.ErrnoException;
  const remedy =
    code === 'EACCES' ? GRANT : code === 'EADDRINUSE' ? `"ss -tlnp sport = :${port}" shows which process has it` : undefined;
  return remedy === undefined ? error : Object.assign(error, { remedy });
}

const GRANT =
  'let systemd grant it (AmbientCapabilities=CAP_NET_BIND_SERVICE in the .service unit), or set a port above 1024 in `http.listen`';

async function readCredentials(tls: NonNullable<HttpConfig['tls']>, dir: string): Promise<Credentials> {
  const read = async (key: 'cert' | 'key') => {
    const path = resolve(dir, tls[key]);
    return readFile(path, 'utf8').catch((error: unknown) => {
      throw new Error(`http.tls.${key}: cannot read ${path}: ${errorText(error)}`);
    });
  };
  const credentials = { cert: await read('cert'), key: await read('key') };
  try {
    createSecureContext(credentials);
  } catch (error) {
    throw new Error(`http.tls: ${tls.cert} and ${tls.key} are not a certificate and its key: ${errorText(error)}`);
  }
  return credentials;
}
