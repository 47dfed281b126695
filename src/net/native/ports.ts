/**
 * Many UDP ports on one loop, by system calls. The loop runs in the thread that owns the ports.
 */

import type { DatagramOutbox, Endpoint } from '../../base/endpoint.ts';
import type { PeerKey } from '../../base/peer.ts';
import type { Ports, PortsOptions, PortsOwner } from '../ports.ts';
import { Arena, type Region } from './arena.ts';
import { EpollDriver, type EpollPort } from './epoll-driver.ts';
import { C, call, checkAllowed, hotCalls, isCongestion, mustCall } from './libc.ts';
import { SOCKADDR_BYTES, writePeer } from './sockaddr.ts';
import { closeSocket, openSocket } from './socket.ts';

/** Maximum size of a UDP datagram. */
const MAX_SEND_BYTES = 65_507;

class NativePort implements Endpoint, EpollPort {
  readonly address: string;
  readonly port: number;
  readonly fd: number;
  readonly takenLast = false;
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
  readonly #arena = new Arena(MAX_SEND_BYTES + SOCKADDR_BYTES + 64);
  readonly #letter: Region;
  readonly #name: Region;
  readonly #calls = hotCalls();
  readonly #driver = new EpollDriver<NativePort>(this.#epoll);

  constructor({ family, localAddress = family === 6 ? '::' : '0.0.0.0' }: PortsOptions) {
    this.#localAddress = localAddress;
    this.#letter = this.#arena.take(MAX_SEND_BYTES);
    this.#name = this.#arena.take(SOCKADDR_BYTES);
    this.outbox = { send: (from, to, datagram) => this.#send(from as NativePort, to, datagram) };
  }

  open(localAddress = this.#localAddress): Endpoint {
    const port = new NativePort(openSocket({ address: localAddress, port: 0 }));
    this.#driver.add(port);
    return port;
  }

  close(port: Endpoint): void {
    const own = port as NativePort;
    if (!own.open) return;
    own.open = false;
    this.#driver.forget(own);
    closeSocket(own.fd);
  }

  async run(owner: PortsOwner): Promise<void> {
    try {
      await this.#driver.run(owner, () => owner.over);
    } finally {
      for (const port of [...this.#driver.ports]) this.close(port);
      call('close', this.#epoll);
    }
  }

  /** Datagrams that the kernel does not accept are lost. Throws a `SystemError` if sending is impossible altogether. */
  #send({ fd, open }: NativePort, to: PeerKey, datagram: Uint8Array): void {
    if (!open || datagram.length > MAX_SEND_BYTES) return;
    const { bytes } = this.#arena;
    bytes.set(datagram, this.#letter.offset);
    const nameLength = writePeer(bytes, this.#name.offset, to);
    const sent = this.#calls.sendto(fd, this.#letter.address, datagram.length, 0, this.#name.address, nameLength);
    if (sent < 0 && !isCongestion(this.#calls.errno())) checkAllowed('sendto', fd);
  }
}
