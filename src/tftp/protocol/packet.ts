/**
 * TFTP datagrams to values and back (RFC 1350 §5, RFC 2347).
 *
 * This file knows bytes only: not who sent them, nor what is expected next. What a peer sends is checked before each step,
 * and what cannot be a packet is `undefined`, never an exception. DATA and ACK, the two packets of the hot path, are also
 * readable in place, with {@link opcodeOf} and {@link blockOf}.
 */

export const Opcode = { rrq: 1, wrq: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;

/** Bytes before a DATA packet's payload; also the length of an ACK. */
export const HEADER_BYTES = 4;

/** One option of a request or an OACK, exactly as it was spelt. */
export interface Option {
  readonly name: string;
  readonly value: string;
}

/** A read or write request. */
export interface RequestPacket {
  readonly opcode: typeof Opcode.rrq | typeof Opcode.wrq;
  readonly name: string;
  /** In lower case. */
  readonly mode: string;
  readonly options: readonly Option[];
}

export interface DataPacket {
  readonly opcode: typeof Opcode.data;
  /** 0–65535, as on the wire. */
  readonly block: number;
  /** A view of the datagram. */
  readonly payload: Uint8Array;
}

export interface AckPacket {
  readonly opcode: typeof Opcode.ack;
  readonly block: number;
}

export interface ErrorPacket {
  readonly opcode: typeof Opcode.error;
  readonly code: number;
  readonly message: string;
}

export interface OackPacket {
  readonly opcode: typeof Opcode.oack;
  readonly options: readonly Option[];
}

/** A decoded datagram. */
export type Packet = RequestPacket | DataPacket | AckPacket | ErrorPacket | OackPacket;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The opcode of a datagram, known or not; 0 if it is too short to have one. */
export function opcodeOf(datagram: Uint8Array): number {
  return datagram.length < 2 ? 0 : (datagram[0]! << 8) | datagram[1]!;
}

/** The block number of a DATA or ACK packet, or the code of an ERROR; -1 if the datagram is too short. */
export function blockOf(datagram: Uint8Array): number {
  return datagram.length < HEADER_BYTES ? -1 : (datagram[2]! << 8) | datagram[3]!;
}

/**
 * Decodes a datagram; `undefined` if it is not a TFTP packet. Bytes beyond a packet's end (padded ACKs, trailing NULs) are
 * ignored, since real firmware sends them.
 */
export function decode(datagram: Uint8Array): Packet | undefined {
  const opcode = opcodeOf(datagram);
  switch (opcode) {
    case Opcode.rrq:
    case Opcode.wrq:
      return decodeRequest(opcode, datagram);
    case Opcode.data:
      return datagram.length < HEADER_BYTES
        ? undefined
        : { opcode, block: blockOf(datagram), payload: datagram.subarray(HEADER_BYTES) };
    case Opcode.ack:
      return datagram.length < HEADER_BYTES ? undefined : { opcode, block: blockOf(datagram) };
    case Opcode.error:
      return decodeError(datagram);
    case Opcode.oack:
      return decodeOack(datagram);
  }
  return undefined;
}

/** Encodes a packet. Text is sent as UTF-8. */
export function encode(packet: Packet): Uint8Array {
  switch (packet.opcode) {
    case Opcode.rrq:
    case Opcode.wrq:
      return concatenate(packet.opcode, [
        packet.name,
        packet.mode,
        ...packet.options.flatMap(({ name, value }) => [name, value]),
      ]);
    case Opcode.oack:
      return concatenate(
        packet.opcode,
        packet.options.flatMap(({ name, value }) => [name, value]),
      );
    case Opcode.error: {
      const text = encoder.encode(packet.message);
      const bytes = new Uint8Array(HEADER_BYTES + text.length + 1);
      writeHeader(bytes, Opcode.error, packet.code);
      bytes.set(text, HEADER_BYTES);
      return bytes;
    }
    case Opcode.ack: {
      const bytes = new Uint8Array(HEADER_BYTES);
      writeHeader(bytes, Opcode.ack, packet.block);
      return bytes;
    }
    case Opcode.data: {
      const bytes = new Uint8Array(HEADER_BYTES + packet.payload.length);
      writeHeader(bytes, Opcode.data, packet.block);
      bytes.set(packet.payload, HEADER_BYTES);
      return bytes;
    }
  }
}

/** Writes opcode and block number (or error code) to the first four bytes. */
export function writeHeader(into: Uint8Array, opcode: number, block: number): void {
  into[0] = 0;
  into[1] = opcode;
  into[2] = block >>> 8;
  into[3] = block & 0xff;
}

/** The first four bytes of a DATA packet, as a number. */
export function dataHeader(block: number): number {
  return (Opcode.data << 16) | block;
}

function decodeRequest(opcode: RequestPacket['opcode'], datagram: Uint8Array): RequestPacket | undefined {
  const strings = readStrings(datagram, 2);
  const [name, mode, ...rest] = strings;
  if (!name || !mode) return undefined;
  return { opcode, name, mode: mode.toLowerCase(), options: pairs(rest) };
}

function decodeOack(datagram: Uint8Array): OackPacket | undefined {
  return datagram.length < 2 ? undefined : { opcode: Opcode.oack, options: pairs(readStrings(datagram, 2)) };
}

/** An ERROR without code or NUL is still an ERROR: it ends the transfer all the same. */
function decodeError(datagram: Uint8Array): ErrorPacket {
  const end = datagram.indexOf(0, HEADER_BYTES);
  const text = datagram.subarray(
    HEADER_BYTES,
    end < 0 ? Math.min(datagram.length, HEADER_BYTES + 512) : Math.min(end, HEADER_BYTES + 512),
  );
  return { opcode: Opcode.error, code: Math.max(0, blockOf(datagram)), message: readText(text) };
}

/** The NUL-terminated strings from `start` on. What stands behind the last NUL was never terminated and is left out. */
function readStrings(datagram: Uint8Array, start: number): string[] {
  const end = datagram.lastIndexOf(0);
  if (end < start) return [];
  try {
    // All at once: no character of UTF-8 but NUL has a byte of zeros.
    return utf8.decode(datagram.subarray(start, end)).split('\0');
  } catch {
    return readEach(datagram, start);
  }
}

/** The same, string by string, where not all are UTF-8. */
function readEach(datagram: Uint8Array, start: number): string[] {
  const strings: string[] = [];
  for (let from = start, end = datagram.indexOf(0, from); end >= 0; from = end + 1, end = datagram.indexOf(0, from)) {
    strings.push(readText(datagram.subarray(from, end)));
  }
  return strings;
}

/** Name and value by turns. A name without value, and the empty names that trailing NULs make, are no options. */
function pairs(strings: readonly string[]): Option[] {
  const options: Option[] = [];
  for (let i = 0; i + 1 < strings.length; i += 2) {
    const name = strings[i]!;
    if (name !== '') options.push({ name, value: strings[i + 1]! });
  }
  return options;
}

/** UTF-8 where it is, else Latin-1, which keeps every byte: junk such as a trailing 0xFF stays visible to the clean-up of names. */
function readText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
  }
}

function concatenate(opcode: number, strings: readonly string[]): Uint8Array {
  let text = `\0${String.fromCharCode(opcode)}`;
  for (const string of strings) text += `${string}\0`;
  return encoder.encode(text);
}
