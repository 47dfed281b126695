/**
 * From what came over the wire to what plugins see. Everything in it that a client wrote stays untrusted text.
 */
import type { Endpoint } from '../base/endpoint.ts';
import { Refusal } from '../base/refusal.ts';
import { readName } from '../content/name.ts';
import type { ReadFields, RequestFields, WriteFields } from '../plugin/types.ts';
import { claimedSize } from './protocol/options.ts';
import { Opcode, type Option, type RequestPacket } from './protocol/packet.ts';

const NAME_TOO_LONG = Object.freeze(new Refusal('not-found', 'file name too long'));
const UNKNOWN_MODE = Object.freeze(new Refusal('unsupported', 'unknown transfer mode'));
/** RFC 1350 §1 makes it obsolete. */
const MAIL_MODE = Object.freeze(new Refusal('unsupported', 'mail mode is not supported'));

/** What is particular to a request that came by TFTP. */
export interface TftpDetails {
  readonly mode: 'octet' | 'netascii';
  /** Options asked for, names in lower case, in the client's order (RFC 2347). Untrusted text. */
  readonly options: ReadonlyMap<string, string>;
}

interface ByTftp {
  readonly protocol: 'tftp';
  readonly tftp: TftpDetails;
}

export type TftpReadRequest = ReadFields & ByTftp;
export type TftpWriteRequest = WriteFields & ByTftp;
export type TftpRequest = TftpReadRequest | TftpWriteRequest;

declare module '../plugin/types.ts' {
  interface RequestByProtocol {
    readonly tftp: TftpRequest;
  }
}

/** A request as it has come from the wire. */
export interface Received {
  readonly client: Endpoint;
  readonly local: Endpoint;
  readonly packet: RequestPacket;
}

/** The request as far as it can be understood; `refusal` is the ERROR to answer if that is not enough. */
export interface Understood {
  readonly request: TftpRequest;
  readonly refusal: Refusal | undefined;
  /** The ERROR to answer unless a plugin makes another name of this one, which no file can have. */
  readonly unservable: Refusal | undefined;
}

export function understand({ client, local, packet }: Received, nameBytes: number): Understood {
  const { name, refusal, unservable } = nameOf(packet, nameBytes);
  const fields: RequestFields & ByTftp = {
    protocol: 'tftp',
    client: { ...client, address: plainAddress(client.address) },
    local: { ...local, address: plainAddress(local.address) },
    asked: packet.name,
    name,
    tftp: { mode: packet.mode === 'netascii' ? 'netascii' : 'octet', options: optionMap(packet.options) },
  };
  const request: TftpRequest =
    packet.opcode === Opcode.rrq ? { ...fields, kind: 'read' } : { ...fields, kind: 'write', size: claimedSize(packet.options) };
  return { request, refusal: modeRefusal(packet.mode) ?? refusal, unservable };
}

/** Options by name in lower case; the first of two counts. */
export function optionMap(options: readonly Option[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const { name, value } of options) {
    const key = name.toLowerCase();
    if (!map.has(key)) map.set(key, value);
  }
  return map;
}

function nameOf(
  { name }: RequestPacket,
  nameBytes: number,
): Pick<Understood, 'refusal' | 'unservable'> & { readonly name: string } {
  const refused = (refusal: Refusal) => ({ name: '', refusal, unservable: undefined });
  if (name.length > nameBytes) return refused(NAME_TOO_LONG);
  try {
    return { ...readName(name), refusal: undefined };
  } catch (error) {
    if (error instanceof Refusal) return refused(error);
    throw error;
  }
}

function modeRefusal(mode: string): Refusal | undefined {
  if (mode === 'octet' || mode === 'netascii') return undefined;
  return mode === 'mail' ? MAIL_MODE : UNKNOWN_MODE;
}

/** A dual-stack socket tells IPv4 peers as IPv6 addresses (RFC 4291 §2.5.5.2). */
function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}
