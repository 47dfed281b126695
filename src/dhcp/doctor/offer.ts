/**
 * An answer as firmware reads it. What the fields hold is the sender's, and untrusted. Pure.
 */
import type { Address } from '../../net/listening.ts';
import { addressOf, type DhcpPacket, decodeEncapsulated, decodePacket, NO_ADDRESS, Option, textOf } from '../protocol/packet.ts';
import { PxeTag } from '../protocol/pxe-options.ts';

/** What EDK2 calls the kinds of offers (PxeBcDhcp4.c): `pxe` holds a boot decision, `boot-server` sends the machine to port 4011. */
export type OfferKind = 'pxe' | 'boot-server' | 'plain' | 'bootp';

export interface Offer {
  readonly from: Address;
  /** By which it is told apart: option 54, else `siaddr`, else where it came from. */
  readonly server: string;
  readonly serverId: string | undefined;
  readonly packet: DhcpPacket;
  readonly bytes: number;
  readonly kind: OfferKind;
  /** Assigns no address. */
  readonly isProxy: boolean;
  /** Option 60, as sent. */
  readonly vendorClass: string | undefined;
  readonly file: string;
  /** Option 67. */
  readonly bootFile: string;
  /** `siaddr`, unless it is zero. */
  readonly nextServer: string | undefined;
  /** Option 66. */
  readonly tftpServer: string | undefined;
  readonly pxe: ReadonlyMap<number, Uint8Array>;
  /** Option 175.176: iPXE is to ignore proxies. */
  readonly skipsProxies: boolean;
}

/** `undefined` unless it answers this request (RFC 2131 §4.4.1). */
export function readOffer(datagram: Uint8Array, from: Address, xid: number, mac: readonly number[]): Offer | undefined {
  const packet = decodePacket(datagram);
  if (packet === undefined || packet.op !== 2 || packet.xid !== xid) return undefined;
  if (mac.some((byte, at) => packet.chaddr[at] !== byte)) return undefined;
  const { options, siaddr, yiaddr } = packet;
  const text = (code: number) => {
    const bytes = options.get(code);
    return bytes && textOf(bytes);
  };
  const id = addressOf(options.get(Option.serverId));
  const serverId = id === NO_ADDRESS ? undefined : id;
  const nextServer = siaddr === NO_ADDRESS ? undefined : siaddr;
  const pxe = decodeEncapsulated(options.get(Option.vendorInfo) ?? new Uint8Array(0)) ?? new Map<number, Uint8Array>();
  const vendorClass = options.has(Option.vendorClass) ? latin1(options.get(Option.vendorClass)!) : undefined;
  const own = decodeEncapsulated(options.get(Option.etherboot) ?? new Uint8Array(0));
  return {
    from,
    server: serverId ?? nextServer ?? from.address,
    serverId,
    packet,
    bytes: datagram.length,
    kind: kindOf(options.has(Option.messageType), vendorClass, pxe),
    isProxy: yiaddr === NO_ADDRESS,
    vendorClass,
    file: packet.file,
    bootFile: text(Option.bootFile) ?? '',
    nextServer,
    tftpServer: text(Option.serverName),
    pxe,
    skipsProxies: own?.get(NO_PXE_DHCP)?.some((byte) => byte !== 0) ?? false,
  };
}

export function isPxeClass({ vendorClass }: Offer): boolean {
  return vendorClass?.startsWith('PXEClient') ?? false;
}

/** Whether the file named in the offer is to be used (option 43.6, bit 3). */
export function isDirect({ pxe }: Offer): boolean {
  return ((pxe.get(PxeTag.discoveryControl)?.[0] ?? 0) & 8) !== 0;
}

/** Whether it names a program. */
export function namesFile({ file, bootFile }: Offer): boolean {
  return file !== '' || bootFile !== '';
}

/** Option 67 counts for UEFI, the header's field where there is none. */
export function nameOf({ file, bootFile }: Offer): string {
  return bootFile || file;
}

const NO_PXE_DHCP = 176;
/** An offer with one of these tags in option 43 holds a boot decision. */
const DECIDING = [6, 7, 8, 9, 10];

function kindOf(hasType: boolean, vendorClass: string | undefined, pxe: Offer['pxe']): OfferKind {
  if (!hasType) return 'bootp';
  if (!vendorClass?.startsWith('PXEClient')) return 'plain';
  return DECIDING.some((tag) => pxe.has(tag)) ? 'pxe' : 'boot-server';
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}
