/**
 * Encodes and decodes DHCP packets (RFC 2131 §2, RFC 2132). Knows only the format, nothing about booting; input is treated as
 * hostile.
 */

export const BOOTREQUEST = 1;
export const BOOTREPLY = 2;

/** Option 53 (RFC 2132 §9.6). */
export const MessageType = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7, inform: 8 } as const;

/** Options by number: RFC 2132, RFC 3004, RFC 3046, RFC 4578. */
export const Option = {
  requestedAddress: 50,
  overload: 52,
  messageType: 53,
  serverId: 54,
  maxSize: 57,
  vendorClass: 60,
  vendorInfo: 43,
  serverName: 66,
  bootFile: 67,
  userClass: 77,
  relayInfo: 82,
  architecture: 93,
  clientGuid: 97,
  /** Etherboot's encapsulated options, sent by iPXE. */
  etherboot: 175,
} as const;

/** The unspecified address. */
export const NO_ADDRESS = '0.0.0.0';
/** In `flags`: the client cannot receive unicasts yet (RFC 2131 §2). */
export const BROADCAST = 0x8000;

/** Size without options: the fixed fields and the magic cookie. */
export const HEADER_BYTES = 240;
/** Minimum size that every client accepts (RFC 951 §3, RFC 1542 §2.1). */
export const MIN_BYTES = 300;

/** A decoded packet. Addresses are dotted text, options their raw bytes. */
export interface DhcpPacket {
  readonly op: number;
  readonly htype: number;
  readonly hops: number;
  readonly xid: number;
  /** Seconds since the client began, according to the client. */
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: string;
  readonly yiaddr: string;
  readonly siaddr: string;
  readonly giaddr: string;
  /** The client's hardware address, `hlen` bytes long. */
  readonly chaddr: Uint8Array;
  /** Cut off at its NUL; empty if the field holds options. */
  readonly sname: string;
  readonly file: string;
  /** By number; the parts of a split option are joined (RFC 3396). */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/**
 * Fields to encode; absent ones become 0 or empty. Options are written in order, and {@link Option.relayInfo} must be last (RFC
 * 3046 §2.2).
 */
export type DhcpFields = Pick<DhcpPacket, 'op' | 'xid' | 'chaddr'> &
  Partial<Omit<DhcpPacket, 'options'>> & { readonly options: readonly (readonly [code: number, bytes: Uint8Array])[] };

const COOKIE = 0x63825363;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const PAD = 0;
const END = 255;
const MAX_HARDWARE_BYTES = 16;
const LONGEST_OPTION_BYTES = 255;
/** RFC 1542 §4.1.1. */
const MAX_HOPS = 16;
const SNAME = { at: 44, bytes: 64 };
const FILE = { at: 108, bytes: 128 };

/** Returns `undefined` if the datagram is not a DHCP packet or is inconsistent. Never throws. */
export function decodePacket(datagram: Uint8Array): DhcpPacket | undefined {
  if (datagram.length < HEADER_BYTES) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const op = view.getUint8(0);
  const hlen = view.getUint8(2);
  const hops = view.getUint8(3);
  if ((op !== BOOTREQUEST && op !== BOOTREPLY) || hlen > MAX_HARDWARE_BYTES || hops > MAX_HOPS) return undefined;
  if (view.getUint32(236) !== COOKIE) return undefined;
  const parts = new Map<number, Uint8Array[]>();
  if (!readOptions(datagram.subarray(HEADER_BYTES), parts)) return undefined;
  // Options may continue in the two text fields (RFC 2132 §9.3), in this order (RFC 3396 §5).
  const overload = parts.get(Option.overload)?.[0]?.[0] ?? 0;
  const fileBytes = datagram.subarray(FILE.at, FILE.at + FILE.bytes);
  const snameBytes = datagram.subarray(SNAME.at, SNAME.at + SNAME.bytes);
  if (overload & 1 && !readOptions(fileBytes, parts)) return undefined;
  if (overload & 2 && !readOptions(snameBytes, parts)) return undefined;
  return {
    op,
    htype: view.getUint8(1),
    hops,
    xid: view.getUint32(4),
    secs: view.getUint16(8),
    flags: view.getUint16(10),
    ciaddr: addressAt(datagram, 12),
    yiaddr: addressAt(datagram, 16),
    siaddr: addressAt(datagram, 20),
    giaddr: addressAt(datagram, 24),
    chaddr: datagram.slice(28, 28 + hlen),
    file: overload & 1 ? '' : textOf(fileBytes),
    sname: overload & 2 ? '' : textOf(snameBytes),
    options: new Map(Array.from(parts, ([code, pieces]) => [code, joined(pieces)])),
  };
}

/** At least {@link MIN_BYTES} long. Throws a `RangeError` if a text or address does not fit. An option that is too long for one is split (RFC 3396). */
export function encodePacket(fields: DhcpFields): Uint8Array {
  const { op, htype = 1, hops = 0, xid, secs = 0, flags = 0, chaddr, sname = '', file = '', options } = fields;
  const { ciaddr = NO_ADDRESS, yiaddr = NO_ADDRESS, siaddr = NO_ADDRESS, giaddr = NO_ADDRESS } = fields;
  const bytes = new Uint8Array(Math.max(MIN_BYTES, encodedBytes(options)));
  const view = new DataView(bytes.buffer);
  if (chaddr.length > MAX_HARDWARE_BYTES) throw new RangeError(`a hardware address of ${chaddr.length} bytes`);
  bytes.set([op, htype, chaddr.length, hops]);
  view.setUint32(4, xid);
  view.setUint16(8, secs);
  view.setUint16(10, flags);
  for (const [i, address] of [ciaddr, yiaddr, siaddr, giaddr].entries()) bytes.set(addressBytes(address), 12 + 4 * i);
  bytes.set(chaddr, 28);
  setText(bytes, SNAME, sname);
  setText(bytes, FILE, file);
  view.setUint32(236, COOKIE);
  let at = HEADER_BYTES;
  for (const [code, value] of options) {
    for (let from = 0; from === 0 || from < value.length; from += LONGEST_OPTION_BYTES) {
      const part = value.subarray(from, from + LONGEST_OPTION_BYTES);
      bytes.set([code, part.length], at);
      bytes.set(part, at + 2);
      at += 2 + part.length;
    }
  }
  bytes[at] = END;
  return bytes;
}

/** Size of a packet with these options, without padding. */
export function encodedBytes(options: DhcpFields['options']): number {
  const parts = (value: Uint8Array) => Math.max(1, Math.ceil(value.length / LONGEST_OPTION_BYTES));
  return options.reduce((sum, [, value]) => sum + 2 * parts(value) + value.length, HEADER_BYTES + 1);
}

/**
 * Decodes text: some clients terminate it by a NUL, some do not, and bytes after the NUL mean nothing. It is UTF-8, as names are in
 * TFTP; what is not valid UTF-8 is taken byte by byte.
 */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const written = end < 0 ? bytes : bytes.subarray(0, end);
  try {
    return utf8.decode(written);
  } catch {
    return Array.from(written, (byte) => String.fromCharCode(byte)).join('');
  }
}

/** Encodes text as UTF-8. */
export function textBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Throws a `RangeError` unless the text is an IPv4 address. */
export function addressBytes(address: string): Uint8Array {
  const octets = address.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !Number.isInteger(octet) || octet < 0 || octet > 255))
    throw new RangeError(`${JSON.stringify(address)} is not an IPv4 address`);
  return Uint8Array.from(octets);
}

/** Decodes an address option; `undefined` unless it has four bytes. */
export function addressOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes?.length === 4 ? addressAt(bytes, 0) : undefined;
}

/** Decodes encapsulated options such as option 43: the same format without a cookie. `undefined` if they are truncated. */
export function decodeEncapsulated(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined {
  const parts = new Map<number, Uint8Array[]>();
  if (!readOptions(bytes, parts)) return undefined;
  return new Map(Array.from(parts, ([code, pieces]) => [code, joined(pieces)]));
}

/** Adds the options to `into`; returns `false` if one exceeds the remaining bytes. An END may be missing. */
function readOptions(bytes: Uint8Array, into: Map<number, Uint8Array[]>): boolean {
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at++]!;
    if (code === PAD) continue;
    if (code === END) return true;
    const length = bytes[at++];
    if (length === undefined || at + length > bytes.length) return false;
    const value = bytes.slice(at, at + length);
    const pieces = into.get(code);
    if (pieces) pieces.push(value);
    else into.set(code, [value]);
    at += length;
  }
  return true;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function addressAt(bytes: Uint8Array, at: number): string {
  return bytes.subarray(at, at + 4).join('.');
}

/** With room for a NUL. */
function setText(bytes: Uint8Array, field: { readonly at: number; readonly bytes: number }, text: string): void {
  const written = textBytes(text);
  if (written.length >= field.bytes) throw new RangeError(`a text of ${written.length} bytes for a field of ${field.bytes}`);
  bytes.set(written, field.at);
}
