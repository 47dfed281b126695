/**
 * Receives datagrams in batches (recvmmsg).
 */

import type { PeerKey } from '../../base/peer.ts';
import type { Arena, Region } from './arena.ts';
import { MMSGHDR, MSGHDR } from './layout.ts';
import { C, checkAllowed, hotCalls, isCongestion } from './libc.ts';
import { hasNoPort, readPeer, SOCKADDR_BYTES } from './sockaddr.ts';

/** Maximum datagrams received by one call. */
export const BATCH = 64;
/** Maximum size of a UDP datagram. */
const SLOT_BYTES = 65_536;

/** Length of an ACK, by far the most common datagram. */
const SHORT_BYTES = 4;

/** Arena bytes that an inbox needs. */
export const INBOX_BYTES = BATCH * (MMSGHDR.bytes + 16 + 32 + SLOT_BYTES) + 1024;

export class Inbox {
  readonly #arena: Arena;
  readonly #headers: Region;
  readonly #names: Region;
  readonly #slots: Region;
  /** Preallocated views of the slots for datagrams of {@link SHORT_BYTES}. */
  readonly #short: readonly Uint8Array[];
  readonly #calls = hotCalls();
  /** Number of slots whose name length the kernel has overwritten. */
  #used = BATCH;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#headers = arena.take(BATCH * MMSGHDR.bytes);
    this.#names = arena.take(BATCH * 32);
    const vectors = arena.take(BATCH * 16);
    this.#slots = arena.take(BATCH * SLOT_BYTES);
    this.#short = Array.from({ length: BATCH }, (_, i) => this.#view(i, SHORT_BYTES));
    for (let i = 0; i < BATCH; i++) {
      const header = this.#headers.offset + i * MMSGHDR.bytes;
      const vector = vectors.offset + i * 16;
      arena.pointer(vector, this.#slots.address + i * SLOT_BYTES);
      arena.size(vector + 8, SLOT_BYTES);
      arena.pointer(header + MSGHDR.name, this.#names.address + i * 32);
      arena.pointer(header + MSGHDR.vectors, vectors.address + i * 16);
      arena.size(header + MSGHDR.vectorCount, 1);
    }
  }

  /**
   * Receives what has arrived at a socket, without waiting. The bytes are valid only during the call. Returns the number of
   * datagrams, including those from port 0, which are skipped because they cannot be answered. Throws a `SystemError` if
   * receiving is impossible altogether.
   */
  receive(fd: number, take: (peer: PeerKey, datagram: Uint8Array) => void): number {
    const { bytes, words } = this.#arena;
    for (let i = 0; i < this.#used; i++)
      words[(this.#headers.offset + i * MMSGHDR.bytes + MSGHDR.nameLength) >>> 2] = SOCKADDR_BYTES;
    const count = this.#calls.recvmmsg(fd, this.#headers.address, BATCH, C.MSG_DONTWAIT, 0);
    if (count < 0 && !isCongestion(this.#calls.errno())) checkAllowed('recvmmsg', fd);
    this.#used = Math.max(count, 0);
    for (let i = 0; i < count; i++) {
      const name = this.#names.offset + i * 32;
      if (hasNoPort(bytes, name)) continue;
      const length = words[(this.#headers.offset + i * MMSGHDR.bytes + MMSGHDR.length) >>> 2]!;
      take(readPeer(bytes, name), length === SHORT_BYTES ? this.#short[i]! : this.#view(i, length));
    }
    return this.#used;
  }

  #view(slot: number, length: number): Uint8Array {
    const start = this.#slots.offset + slot * SLOT_BYTES;
    return this.#arena.bytes.subarray(start, start + length);
  }
}
