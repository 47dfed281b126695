/**
 * Peers at whose port nobody listens: what ICMP says of datagrams that were sent, a batch at a time (the error queue of a socket, ip(7)).
 */
import type { PeerKey } from '../../protocol/peer.ts';
import { Arena, type Region } from './arena.ts';
import { CMSG_ERROR, MMSGHDR, MSGHDR } from './layout.ts';
import { C, hotCalls } from './libc.ts';
import { readPeer, SOCKADDR_BYTES } from './sockaddr.ts';

/** Errors taken by one call. */
const BATCH = 16;
/** Calls for one socket before datagrams have their turn. */
const FAIR_BATCHES = 4;

/** ICMP: destination unreachable, and of that the port (RFC 792). */
const PORT_UNREACHABLE = { type: 3, code: 3 };
/** ICMPv6, the same (RFC 4443 §3.1). */
const PORT_UNREACHABLE_6 = { type: 1, code: 4 };

export class Unreachable {
  readonly #arena = new Arena(BATCH * (MMSGHDR.bytes + 32 + CMSG_ERROR.bytes) + 1024);
  readonly #headers: Region;
  readonly #names: Region;
  readonly #controls: Region;
  readonly #recvmmsg = hotCalls().recvmmsg;

  constructor() {
    const arena = this.#arena;
    this.#headers = arena.take(BATCH * MMSGHDR.bytes);
    this.#names = arena.take(BATCH * 32);
    this.#controls = arena.take(BATCH * CMSG_ERROR.bytes);
    for (let i = 0; i < BATCH; i++) {
      const header = this.#headers.offset + i * MMSGHDR.bytes;
      // No vectors: what the datagram held does not matter.
      arena.pointer(header + MSGHDR.name, this.#names.address + i * 32);
      arena.pointer(header + MSGHDR.control, this.#controls.address + i * CMSG_ERROR.bytes);
    }
  }

  /** Takes what a socket has to tell, without waiting: each peer whose port is closed. Errors of other kinds say nothing for good. */
  receive(fd: number, take: (peer: PeerKey) => void): void {
    for (let i = 0; i < FAIR_BATCHES && this.#receive(fd, take) === BATCH; i++);
  }

  #receive(fd: number, take: (peer: PeerKey) => void): number {
    for (let i = 0; i < BATCH; i++) {
      const header = this.#headers.offset + i * MMSGHDR.bytes;
      this.#arena.words[(header + MSGHDR.nameLength) >>> 2] = SOCKADDR_BYTES;
      this.#arena.size(header + MSGHDR.controlLength, CMSG_ERROR.bytes);
    }
    const count = this.#recvmmsg(fd, this.#headers.address, BATCH, C.MSG_ERRQUEUE | C.MSG_DONTWAIT, 0);
    for (let i = 0; i < count; i++) {
      if (this.#saysPortUnreachable(i)) take(readPeer(this.#arena.bytes, this.#names.offset + i * 32));
    }
    return count;
  }

  #saysPortUnreachable(index: number): boolean {
    const { bytes, words } = this.#arena;
    const control = this.#controls.offset + index * CMSG_ERROR.bytes;
    const used = words[(this.#headers.offset + index * MMSGHDR.bytes + MSGHDR.controlLength) >>> 2]!;
    if (used <= CMSG_ERROR.icmpCode) return false;
    const level = words[(control + CMSG_ERROR.level) >>> 2];
    const kind = words[(control + CMSG_ERROR.type) >>> 2];
    const origin = bytes[control + CMSG_ERROR.origin];
    const said = { type: bytes[control + CMSG_ERROR.icmpType], code: bytes[control + CMSG_ERROR.icmpCode] };
    const is = ({ type, code }: typeof PORT_UNREACHABLE) => said.type === type && said.code === code;
    if (level === C.IPPROTO_IP && kind === C.IP_RECVERR) return origin === C.SO_EE_ORIGIN_ICMP && is(PORT_UNREACHABLE);
    return level === C.IPPROTO_IPV6 && kind === C.IPV6_RECVERR && origin === C.SO_EE_ORIGIN_ICMP6 && is(PORT_UNREACHABLE_6);
  }
}
