/**
 * Many UDP ports on one loop by system calls: one wait for all of them (epoll), and what came to a port is taken by one call
 * (recvmmsg). The loop runs in the thread that owns the ports, and returns to its event loop every {@link TURN_MS}.
 */

import type { DatagramOutbox, Endpoint } from '../../base/endpoint.ts';
import type { PeerKey } from '../../base/peer.ts';
import { MAX_WAIT_MS, type Ports, type PortsOptions, type PortsOwner } from '../ports.ts';
import { Arena, type Region } from './arena.ts';
import { Readiness } from './epoll.ts';
import { BATCH, INBOX_BYTES, Inbox } from './inbox.ts';
import { C, call, checkAllowed, hotCalls, isCongestion, mustCall } from './libc.ts';
import { SOCKADDR_BYTES, writePeer } from './sockaddr.ts';
import { closeSocket, openSocket } from './socket.ts';

const TURN_MS = 20;
/** Batches taken from one port before the next has its turn. */
const FAIR_BATCHES = 4;
/** Waking later than this, datagrams come before deadlines. */
const LATE_MS = 5;
const CATCH_UP_WAITS = 1024;
/** No UDP datagram is longer. */
const MAX_SEND_BYTES = 65_507;

class NativePort implements Endpoint {
  readonly address: string;
  readonly port: number;
  readonly fd: number;
  open = true;

  constructor({ address, port, fd }: { readonly address: string; readonly port: number; readonly fd: number }) {
    this.address = address;
    this.port = port;
    this.fd = fd;
  }
}

export class NativePorts implements Ports {
  readonly outbox: DatagramOutbox;
  readonly #localAddress: string;
  readonly #epoll = mustCall('epoll_create1', C.EPOLL_CLOEXEC);
  readonly #readiness = new Readiness(this.#epoll);
  readonly #inbox = new Inbox(new Arena(INBOX_BYTES));
  readonly #arena = new Arena(MAX_SEND_BYTES + SOCKADDR_BYTES + 64);
  readonly #letter: Region;
  readonly #name: Region;
  readonly #calls = hotCalls();
  readonly #byFd = new Map<number, NativePort>();
  #owner!: PortsOwner;
  #receiving!: NativePort;
  #now = 0;

  constructor({ family, localAddress = family === 6 ? '::' : '0.0.0.0' }: PortsOptions) {
    this.#localAddress = localAddress;
    this.#letter = this.#arena.take(MAX_SEND_BYTES);
    this.#name = this.#arena.take(SOCKADDR_BYTES);
    this.outbox = { send: (from, to, datagram) => this.#send(from as NativePort, to, datagram) };
  }

  open(localAddress = this.#localAddress): Endpoint {
    const port = new NativePort(openSocket({ address: localAddress, port: 0 }));
    this.#byFd.set(port.fd, port);
    this.#readiness.add(port.fd);
    return port;
  }

  close(port: Endpoint): void {
    const own = port as NativePort;
    if (!own.open) return;
    own.open = false;
    this.#byFd.delete(own.fd);
    // The kernel stops waiting for what is closed.
    closeSocket(own.fd);
  }

  async run(owner: PortsOwner): Promise<void> {
    this.#owner = owner;
    try {
      while (!owner.over) {
        const turnEnds = performance.now() + TURN_MS;
        while (!owner.over && performance.now() < turnEnds) this.#round();
        await new Promise((go) => setImmediate(go));
      }
    } finally {
      for (const port of [...this.#byFd.values()]) this.close(port);
      call('close', this.#epoll);
    }
  }

  #round(): void {
    const due = this.#owner.nextDeadline;
    const left = Math.ceil(due - performance.now());
    this.#readiness.wait(Math.max(0, Math.min(MAX_WAIT_MS, left)), this.#ready);
    this.#now = performance.now();
    if (this.#now < this.#owner.nextDeadline) return;
    // A stall is never taken for loss: what has come meanwhile goes first.
    if (this.#now - due > LATE_MS) for (let i = 0; i < CATCH_UP_WAITS && this.#readiness.wait(0, this.#ready) > 0; i++);
    this.#owner.expire(this.#now);
  }

  readonly #ready = (fd: number): void => {
    const port = this.#byFd.get(fd);
    if (!port) return;
    this.#now = performance.now();
    this.#receiving = port;
    for (let i = 0; i < FAIR_BATCHES && port.open && this.#inbox.receive(fd, this.#take) === BATCH; i++);
  };

  readonly #take = (from: PeerKey, datagram: Uint8Array): void => {
    // Once it is closed, what came in the same batch is late.
    if (this.#receiving.open) this.#owner.receive(this.#receiving, from, datagram, this.#now);
  };

  /** What the kernel does not take is lost, as datagrams may be. Throws a `SystemError` if nothing can ever be sent. */
  #send({ fd, open }: NativePort, to: PeerKey, datagram: Uint8Array): void {
    if (!open || datagram.length > MAX_SEND_BYTES) return;
    const { bytes } = this.#arena;
    bytes.set(datagram, this.#letter.offset);
    const nameLength = writePeer(bytes, this.#name.offset, to);
    const sent = this.#calls.sendto(fd, this.#letter.address, datagram.length, 0, this.#name.address, nameLength);
    if (sent < 0 && !isCongestion(this.#calls.errno())) checkAllowed('sendto', fd);
  }
}
