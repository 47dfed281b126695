/**
 * Many UDP ports on one loop, as a program needs that plays many clients: a client's port is its transfer ID, so each transfer
 * opens one and closes it. This file has the interface, and the implementation that runs wherever Node does; `native/ports.ts`
 * has the other.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { DatagramOutbox, Endpoint } from '../base/endpoint.ts';
import { type PeerKey, peerKey, peerOf } from '../base/peer.ts';
import { literal } from './socket.ts';

/** Whose ports they are. It never waits and has no clock: it is told the time, and asked for its next deadline. */
export interface PortsOwner {
  /** The bytes are not kept. */
  receive(port: Endpoint, from: PeerKey, datagram: Uint8Array, now: number): void;
  readonly nextDeadline: number;
  expire(now: number): void;
  /** Nothing more is to come. */
  readonly over: boolean;
}

export interface Ports {
  readonly outbox: DatagramOutbox;
  /**
   * A new port of the system's choice. Throws Node's system error: `EMFILE`, `EADDRNOTAVAIL`.
   * @param localAddress in place of the one that all ports have
   */
  open(localAddress?: string): Endpoint;
  close(port: Endpoint): void;
  /** Resolves when the owner is over; rejects with what it threw. Looks at least every {@link MAX_WAIT_MS}. */
  run(owner: PortsOwner): Promise<void>;
}

export interface PortsOptions {
  readonly family: 4 | 6;
  /** Where to send from; any address of the machine if not given. */
  readonly localAddress?: string | undefined;
}

/** Whatever is waited for, the loop looks around this often. */
export const MAX_WAIT_MS = 50;

/** A window may come at once. The kernel cuts this down to its own limit. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

class DgramPort implements Endpoint {
  readonly address: string;
  /** Not asked for: nobody needs it, and it is known late. */
  readonly port = 0;
  readonly socket: Socket;
  open = true;

  constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.address = address;
  }
}

export class DgramPorts implements Ports {
  readonly outbox: DatagramOutbox;
  readonly #options: PortsOptions;
  #owner: PortsOwner | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #immediate = false;
  #settle: PromiseWithResolvers<void> | undefined;

  constructor(options: PortsOptions) {
    this.#options = options;
    this.outbox = { send: (from, to, datagram) => this.#send(from as DgramPort, to, datagram) };
  }

  open(localAddress = this.#options.localAddress): Endpoint {
    const { family } = this.#options;
    const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup: literal(family) });
    const address = localAddress ?? (family === 6 ? '::' : '0.0.0.0');
    const port = new DgramPort(socket, address);
    socket.on('error', (error: NodeJS.ErrnoException) => error.syscall === 'bind' && this.#failed(error));
    socket.on('message', (datagram, { address, port: from }) => {
      if (from !== 0) this.#drive((owner, now) => owner.receive(port, peerKey(address, from), datagram, now));
    });
    socket.bind({ port: 0, address, exclusive: true }, () => enlarge(socket));
    return port;
  }

  close(port: Endpoint): void {
    const { socket, open } = port as DgramPort;
    if (!open) return;
    (port as DgramPort).open = false;
    socket.close();
  }

  run(owner: PortsOwner): Promise<void> {
    this.#owner = owner;
    this.#settle = Promise.withResolvers<void>();
    this.#drive(() => {});
    return this.#settle.promise;
  }

  #send({ socket, open }: DgramPort, to: PeerKey, datagram: Uint8Array): void {
    if (!open) return;
    const { address, port } = peerOf(to);
    // Until it is bound, Node keeps what is sent.
    socket.send(datagram.slice(), port, address);
  }

  #drive(work: (owner: PortsOwner, now: number) => void): void {
    const owner = this.#owner;
    if (!owner) return;
    try {
      work(owner, performance.now());
    } catch (error) {
      return this.#failed(error);
    }
    if (owner.over) this.#end();
    else this.#arm(owner);
  }

  #arm(owner: PortsOwner): void {
    const now = performance.now();
    const due = Math.min(owner.nextDeadline, now + MAX_WAIT_MS);
    if (due <= now) return this.#lookSoon();
    // A timer that comes too early only looks again.
    if (due >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#lookSoon();
    }, due - now);
  }

  /** One turn of the event loop later: what has come meanwhile was not late, this process was. */
  #lookSoon(): void {
    if (this.#immediate) return;
    this.#immediate = true;
    setImmediate(() => {
      this.#immediate = false;
      this.#drive((owner, now) => owner.expire(now));
    });
  }

  #failed(error: unknown): void {
    this.#settle?.reject(error);
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#owner = undefined;
    this.#settle?.resolve();
  }
}

function enlarge(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {}
}
