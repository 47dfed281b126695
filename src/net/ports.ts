/**
 * Many UDP ports on one loop, for a program that simulates many clients: a client's port is its transfer ID, so each transfer
 * opens and closes one. This file has the interface and the portable implementation; the other is in `native/ports.ts`.
 */
import type { Socket } from 'node:dgram';
import { systemClock } from '../base/clock.ts';
import type { DatagramOutbox, Endpoint } from '../base/endpoint.ts';
import { type PeerKey, peerOf } from '../base/peer.ts';
import { enlarge, newSocket, onDatagram } from './dgram.ts';
import { EventLoopDriver } from './event-loop-driver.ts';
import type { StateMachine } from './state-machine.ts';

/** The state machine that owns the ports. */
export interface PortsOwner extends StateMachine {
  /** The bytes must not be kept. */
  receive(port: Endpoint, from: PeerKey, datagram: Uint8Array, now: number): void;
  /** Whether the run has ended. */
  readonly over: boolean;
}

export interface Ports {
  readonly outbox: DatagramOutbox;
  /**
   * Opens a port chosen by the system. Throws Node's system error: `EMFILE`, `EADDRNOTAVAIL`.
   * @param localAddress overrides the common local address
   */
  open(localAddress?: string): Endpoint;
  close(port: Endpoint): void;
  /** Resolves when the owner is over, which is checked at least every {@link MAX_WAIT_MS}; rejects with any error that it throws. */
  run(owner: PortsOwner): Promise<void>;
}

export interface PortsOptions {
  readonly family: 4 | 6;
  /** Local address to send from; by default any address of the machine. */
  readonly localAddress?: string | undefined;
}

/** Maximum wait: the owner may end without a datagram. */
export const MAX_WAIT_MS = 50;

/** Room for a whole window. The kernel caps the size. */
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
  /** Set while it runs. */
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
    // Node queues what is sent before the socket is bound.
    socket.send(datagram.slice(), port, address);
  }
}

/** Runs an owner on the event loop until it is over. */
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

  /** @param error the reason for ending early */
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
