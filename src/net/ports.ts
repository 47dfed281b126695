/**
 * Many UDP ports on one loop, as a program needs that plays many clients: a client's port is its transfer ID, so each transfer
 * opens one and closes it. This file has the interface, and the implementation that runs wherever Node does; `native/ports.ts`
 * has the other.
 */
import type { Socket } from 'node:dgram';
import { systemClock } from '../base/clock.ts';
import type { DatagramOutbox, Endpoint } from '../base/endpoint.ts';
import { type PeerKey, peerOf } from '../base/peer.ts';
import { enlarge, newSocket, onDatagram } from './dgram.ts';
import { EventLoopDriver } from './event-loop-driver.ts';
import type { StateMachine } from './state-machine.ts';

/** Whose ports they are. */
export interface PortsOwner extends StateMachine {
  /** The bytes are not kept. */
  receive(port: Endpoint, from: PeerKey, datagram: Uint8Array, now: number): void;
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
  /** Resolves when the owner is over, which is checked every {@link MAX_WAIT_MS} at least; rejects with what it threw. */
  run(owner: PortsOwner): Promise<void>;
}

export interface PortsOptions {
  readonly family: 4 | 6;
  /** Where to send from; any address of the machine if not given. */
  readonly localAddress?: string | undefined;
}

/** The longest wait: the owner may be over without a datagram. */
export const MAX_WAIT_MS = 50;

/** A window may come at once. The kernel cuts this down to its own limit. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

class DgramPort implements Endpoint {
  readonly address: string;
  /** Not needed, and known only once it is bound. */
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
  /** While it runs. */
  #run: Run | undefined;

  constructor(options: PortsOptions) {
    this.#options = options;
    this.outbox = { send: (from, to, datagram) => this.#send(from as DgramPort, to, datagram) };
  }

  open(localAddress = this.#options.localAddress): Endpoint {
    const { family } = this.#options;
    const socket = newSocket({ family });
    const address = localAddress ?? (family === 6 ? '::' : '0.0.0.0');
    const port = new DgramPort(socket, address);
    socket.on('error', (error: NodeJS.ErrnoException) => error.syscall === 'bind' && this.#run?.end(error));
    onDatagram(socket, (from, datagram) => this.#run?.receive(port, from, datagram));
    socket.bind({ port: 0, address, exclusive: true }, () => enlarge(socket, { receive: RECEIVE_BUFFER_BYTES }));
    return port;
  }

  close(port: Endpoint): void {
    const { socket, open } = port as DgramPort;
    if (!open) return;
    (port as DgramPort).open = false;
    socket.close();
  }

  async run(owner: PortsOwner): Promise<void> {
    this.#run = new Run(owner);
    try {
      await this.#run.ended;
    } finally {
      this.#run = undefined;
    }
  }

  #send({ socket, open }: DgramPort, to: PeerKey, datagram: Uint8Array): void {
    if (!open) return;
    const { address, port } = peerOf(to);
    // Until it is bound, Node keeps what is sent.
    socket.send(datagram.slice(), port, address);
  }
}

/** An owner on the event loop, until it is over. */
class Run implements StateMachine {
  readonly ended: Promise<void>;
  readonly #owner: PortsOwner;
  readonly #driver: EventLoopDriver;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;

  constructor(owner: PortsOwner) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#owner = owner;
    this.#driver = new EventLoopDriver(this, systemClock, () => owner.over && this.end());
    this.#driver.step(() => {});
  }

  receive(port: Endpoint, from: PeerKey, datagram: Uint8Array): void {
    this.#driver.receive((now) => this.#try(() => this.#owner.receive(port, from, datagram, now)));
  }

  get nextDeadline(): number {
    return Math.min(this.#owner.nextDeadline, systemClock.now() + MAX_WAIT_MS);
  }

  expire(now: number): void {
    this.#try(() => this.#owner.expire(now));
  }

  /** @param error why it ends before the owner is over */
  end(error?: unknown): void {
    this.#driver.stop();
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.end(error);
    }
  }
}
