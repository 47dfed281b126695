/**
 * Outgoing datagrams, collected from all sockets of a thread. Consecutive datagrams of one socket form a run, sent by one
 * sendmmsg call. File bytes are sent from where they are: the kernel gets the addresses of a 4-byte header and of the slices.
 * Consecutive blocks of a window become one message that the kernel splits (UDP_SEGMENT).
 *
 * Everything whose address the kernel gets stays referenced until it is sent: the arena by the batch, segments by `#pinned`.
 */

import type { PeerKey } from '../../base/peer.ts';
import type { Slices } from '../../base/segment.ts';
import { Arena, type Region } from './arena.ts';
import { CMSG16, IOVEC, MMSGHDR, MSGHDR } from './layout.ts';
import { addressOf, C, checkAllowed, hotCalls, isCongestion, isInterrupted } from './libc.ts';
import { writePeer } from './sockaddr.ts';

/** Size of the header of a zero-copy datagram. */
export const HEADER_BYTES = 4;
/** Maximum messages in a batch; a full batch is sent at once. */
const MESSAGES = 128;
const VECTORS = 1024;
const NAME_BYTES = 32;
/** Space for small datagrams, which are copied. */
const SMALL_BYTES = 64 * 1024;
/** Maximum pieces that the kernel splits a message into (UDP_MAX_SEGMENTS), and the maximum message size. */
const MAX_PIECES = 64;
const MAX_MESSAGE_BYTES = 65_000;
/** Pieces must fit the path MTU; larger datagrams are sent one by one, and fragmented. */
const MAX_PIECE_BYTES = 1472;

/** Addresses of the segments' buffers, each looked up once. */
const addresses = new WeakMap<ArrayBufferLike, number>();

/** Whether the kernel splits messages. The sockets of an address share it, so that one failure disables it for all. */
export interface Segmentation {
  works: boolean;
}

/** A socket to send from. */
export interface Sender {
  readonly fd: number;
  /** Disabled when the kernel or the device rejects it. */
  readonly segmentation: Segmentation;
  /** If true, nothing is sent: the descriptor may soon belong to another file. */
  readonly closed: boolean;
}

export class Batch {
  readonly #arena = new Arena(
    MESSAGES * (MMSGHDR.bytes + NAME_BYTES + CMSG16.bytes + 16) + VECTORS * (IOVEC.bytes + HEADER_BYTES) + SMALL_BYTES + 1024,
  );
  readonly #headers: Region;
  readonly #names: Region;
  readonly #controls: Region;
  readonly #vectors: Region;
  readonly #frameHeaders: Region;
  readonly #small: Region;
  readonly #calls = hotCalls();
  /** Segments referenced by the batch. */
  readonly #pinned = new Array<Uint8Array | undefined>(VECTORS).fill(undefined);
  #pinnedCount = 0;
  /** The last buffer and its address: consecutive blocks of a file usually share one. */
  #lastBuffer: ArrayBufferLike | undefined;
  #lastAddress = 0;
  /** For each run: its sender and its first message. */
  readonly #runSenders = new Array<Sender | undefined>(MESSAGES).fill(undefined);
  readonly #runStarts = new Uint16Array(MESSAGES);
  #runs = 0;
  /** Sender of the last run. */
  #sender: Sender | undefined;
  /** Messages, vectors, block headers and small bytes used so far. */
  #messages = 0;
  #vectorCount = 0;
  #frameCount = 0;
  #smallUsed = 0;
  /** State of the message that the next block may join: its peer, header, piece length, pieces and bytes so far. */
  #openPeer: PeerKey | undefined;
  #openHeader = 0;
  #pieceBytes = 0;
  #pieces = 0;
  #openBytes = 0;

  constructor() {
    const arena = this.#arena;
    this.#headers = arena.take(MESSAGES * MMSGHDR.bytes);
    this.#names = arena.take(MESSAGES * NAME_BYTES);
    this.#controls = arena.take(MESSAGES * CMSG16.bytes);
    this.#vectors = arena.take(VECTORS * IOVEC.bytes);
    this.#frameHeaders = arena.take(VECTORS * HEADER_BYTES);
    this.#small = arena.take(SMALL_BYTES);
    for (let i = 0; i < MESSAGES; i++) {
      const control = this.#controls.offset + i * CMSG16.bytes;
      arena.size(control + CMSG16.length, CMSG16.used);
      arena.view.setInt32(control + CMSG16.level, C.SOL_UDP, true);
      arena.view.setInt32(control + CMSG16.type, C.UDP_SEGMENT, true);
      arena.pointer(this.#headers.offset + i * MMSGHDR.bytes + MSGHDR.name, this.#names.address + i * NAME_BYTES);
    }
  }

  get empty(): boolean {
    return this.#messages === 0;
  }

  /** Adds a small datagram, which is copied. */
  send(from: Sender, to: PeerKey, datagram: Uint8Array): void {
    if (from.closed) return;
    if (this.#messages === MESSAGES || this.#vectorCount === VECTORS || this.#smallUsed + datagram.length > SMALL_BYTES)
      this.flush();
    this.#openPeer = undefined;
    this.#arena.bytes.set(datagram, this.#small.offset + this.#smallUsed);
    this.#begin(from, to);
    this.#vector(this.#small.address + this.#smallUsed, datagram.length);
    this.#smallUsed += datagram.length;
  }

  /**
   * Adds a datagram that consists of a header and bytes sent without a copy.
   * @param header the first {@link HEADER_BYTES} as a number; datagrams with consecutive headers may become one message
   */
  framed(from: Sender, to: PeerKey, header: number, { first, start, end, second, secondEnd }: Slices): void {
    if (from.closed) return;
    const length = HEADER_BYTES + end - start + secondEnd;
    const joins =
      this.#openPeer === to &&
      this.#sender === from &&
      header === this.#openHeader + 1 &&
      length <= this.#pieceBytes &&
      this.#pieces < MAX_PIECES &&
      this.#openBytes + length <= MAX_MESSAGE_BYTES &&
      this.#vectorCount + 3 <= VECTORS;
    if (!joins) {
      if (this.#messages === MESSAGES || this.#vectorCount + 3 > VECTORS) this.flush();
      this.#begin(from, to);
      this.#openPeer = from.segmentation.works && length <= MAX_PIECE_BYTES ? to : undefined;
      this.#pieceBytes = length;
      this.#pieces = 0;
      this.#openBytes = 0;
    }
    const offset = this.#frameCount++ * HEADER_BYTES;
    const at = this.#frameHeaders.offset + offset;
    const { bytes } = this.#arena;
    bytes[at] = header >>> 24;
    bytes[at + 1] = header >>> 16;
    bytes[at + 2] = header >>> 8;
    bytes[at + 3] = header;
    this.#vector(this.#frameHeaders.address + offset, HEADER_BYTES);
    if (end > start) this.#slice(first, start, end);
    if (second && secondEnd > 0) this.#slice(second, 0, secondEnd);
    this.#openHeader = header;
    this.#openBytes += length;
    if (++this.#pieces === 2) this.#segmented();
    // Only the last piece may be shorter.
    if (length < this.#pieceBytes) this.#openPeer = undefined;
  }

  /** Sends the batch. Datagrams that the kernel does not accept are lost. Throws a `SystemError` if sending is impossible altogether. */
  flush(): void {
    for (let run = 0; run < this.#runs; run++) {
      const end = run + 1 < this.#runs ? this.#runStarts[run + 1]! : this.#messages;
      this.#sendRun(this.#runSenders[run]!, this.#runStarts[run]!, end);
      this.#runSenders[run] = undefined;
    }
    this.#runs = this.#messages = this.#vectorCount = this.#frameCount = this.#smallUsed = 0;
    this.#sender = this.#openPeer = undefined;
    // Assigning to `length` would cost more than sending a datagram.
    while (this.#pinnedCount > 0) this.#pinned[--this.#pinnedCount] = undefined;
  }

  #sendRun({ fd, segmentation }: Sender, start: number, end: number): void {
    for (let next = start; next < end; ) {
      const sent = this.#calls.sendmmsg(fd, this.#headers.address + next * MMSGHDR.bytes, end - next, 0);
      if (sent > 0) {
        next += sent;
        continue;
      }
      const error = this.#calls.errno();
      if (isInterrupted(error)) continue;
      // The device is congested: drop the rest, since each message would only wait again.
      if (isCongestion(error)) return;
      // Segmentation was rejected: send single blocks from now on; the retransmission timer resends these.
      if (this.#isSegmented(next)) segmentation.works = false;
      // A packet filter also fails with EPERM, but rejects a message, not the call.
      checkAllowed('sendmmsg', fd);
      next++;
    }
  }

  #begin(from: Sender, to: PeerKey): void {
    if (from !== this.#sender) {
      this.#sender = from;
      this.#runSenders[this.#runs] = from;
      this.#runStarts[this.#runs++] = this.#messages;
    }
    const header = this.#header(this.#messages);
    const nameLength = writePeer(this.#arena.bytes, this.#names.offset + this.#messages * NAME_BYTES, to);
    this.#arena.words[(header + MSGHDR.nameLength) >>> 2] = nameLength;
    this.#arena.pointer(header + MSGHDR.vectors, this.#vectors.address + this.#vectorCount * IOVEC.bytes);
    this.#arena.size(header + MSGHDR.vectorCount, 0);
    this.#arena.pointer(header + MSGHDR.control, 0);
    this.#arena.size(header + MSGHDR.controlLength, 0);
    this.#messages++;
  }

  /** Adds a vector to the last message. */
  #vector(address: number, length: number): void {
    const vector = this.#vectors.offset + this.#vectorCount++ * IOVEC.bytes;
    this.#arena.pointer(vector + IOVEC.address, address);
    this.#arena.size(vector + IOVEC.length, length);
    this.#arena.words[(this.#header(this.#messages - 1) + MSGHDR.vectorCount) >>> 2]!++;
  }

  #slice(bytes: Uint8Array, start: number, end: number): void {
    if (start < 0 || end > bytes.length) throw new RangeError(`slice ${start}–${end} of ${bytes.length} bytes`);
    if (this.#pinnedCount === 0 || this.#pinned[this.#pinnedCount - 1] !== bytes) this.#pinned[this.#pinnedCount++] = bytes;
    const { buffer, byteOffset } = bytes;
    if (buffer !== this.#lastBuffer) {
      this.#lastBuffer = buffer;
      this.#lastAddress = addressOfBuffer(buffer);
    }
    this.#vector(this.#lastAddress + byteOffset + start, end - start);
  }

  /** Has the kernel split the last message into pieces. */
  #segmented(): void {
    const index = this.#messages - 1;
    const control = index * CMSG16.bytes;
    this.#arena.view.setUint16(this.#controls.offset + control + CMSG16.value, this.#pieceBytes, true);
    this.#arena.pointer(this.#header(index) + MSGHDR.control, this.#controls.address + control);
    this.#arena.size(this.#header(index) + MSGHDR.controlLength, CMSG16.bytes);
  }

  #isSegmented(index: number): boolean {
    return this.#arena.words[(this.#header(index) + MSGHDR.controlLength) >>> 2] !== 0;
  }

  #header(index: number): number {
    return this.#headers.offset + index * MMSGHDR.bytes;
  }
}

function addressOfBuffer(buffer: ArrayBufferLike): number {
  let address = addresses.get(buffer);
  if (address === undefined) {
    address = addressOf(new Uint8Array(buffer));
    addresses.set(buffer, address);
  }
  return address;
}
