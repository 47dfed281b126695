/**
 * Builds the answer to a machine: proxyDHCP (PXE 2.1 §2.2) beside a DHCP server that assigns addresses. Pure: a request, a
 * decision and the server's address go in, the fields of a packet come out. No answer ever assigns an address.
 *
 * The layouts are those that real firmware accepts. `file` and option 67 are equal, since EDK2 prefers one and iPXE the other,
 * and shim and GRUB read only `file`. Option 67 ends with a NUL, because EDK2 would write one past its end. Every answer is a
 * broadcast; otherwise a relay would not know where to send it (RFC 1542 §4.1.2).
 */
import type { BootLayout } from '../../base/boot-layout.ts';
import type { BootClient } from './boot-client.ts';
import {
  BOOTREPLY,
  BROADCAST,
  type DhcpFields,
  type DhcpPacket,
  decodeEncapsulated,
  encodedBytes,
  encodePacket,
  HEADER_BYTES,
  MessageType,
  NO_ADDRESS,
  Option,
  textBytes,
} from './packet.ts';
import { bootItem, directBoot, directBootWithPrompt, localBoot, PxeTag, raspberryPiBoot } from './pxe-options.ts';

/** What a machine should do: load a file or URL, or boot from its own disk now. */
export type Decision = { readonly kind: 'file'; readonly name: string } | { readonly kind: 'disk' };

export interface OfferSettings {
  /** The server's address on the network that the request arrived from. */
  readonly server: string;
  readonly layout: BootLayout;
}

/** The port that a request was sent to: the DHCP server's or the boot server's. */
export type DhcpPort = 67 | 4011;

/**
 * Returns `undefined` if the machine gets no answer: silence is the only way to send HTTP Boot firmware to its local disk, and a packet has
 * no room for a longer name.
 */
export function offerFor(
  request: DhcpPacket,
  client: BootClient,
  port: DhcpPort,
  decision: Decision,
  { server, layout }: OfferSettings,
): DhcpFields | undefined {
  if (decision.kind === 'disk' && client.vendorClass === 'HTTPClient') return undefined;
  if (decision.kind === 'file' && textBytes(decision.name).length > LONGEST_NAME_BYTES) return undefined;
  const file = decision.kind === 'file' && !isLeftToBootServer(client, port, layout) ? decision.name : undefined;
  const vendorInfo = vendorInfoFor(request, client, port, decision, layout);
  const whole = answer(request, client, port, server, { file, vendorInfo, serverName: server });
  if (packetBytes(whole) <= maxBytes(request)) return whole;
  // Nearly all firmware reads the address from `siaddr` instead.
  const shorter = answer(request, client, port, server, { file, vendorInfo, serverName: undefined });
  return packetBytes(shorter) <= maxBytes(request) ? shorter : undefined;
}

/** Encodes {@link offerFor}. */
export function encodeOffer(fields: DhcpFields): Uint8Array {
  return encodePacket(fields);
}

/** Where an answer goes. A relay listens on the server port; a boot server answers the request's source. */
export function destinationOf(
  { giaddr }: DhcpPacket,
  port: DhcpPort,
  source: { readonly address: string; readonly port: number },
): { readonly address: string; readonly port: number } {
  if (port === 4011) return source;
  return giaddr === NO_ADDRESS ? { address: '255.255.255.255', port: 68 } : { address: giaddr, port: 67 };
}

/** A type and a layer of two bytes each (PXE 2.1 §2.2.3). */
const BOOT_ITEM_BYTES = 4;
/** Maximum bytes of `file`, including its NUL. */
const FILE_BYTES = 128;
/** The size that every client accepts (RFC 2131 §2), with IP and UDP headers. */
const DEFAULT_MAX_BYTES = 576;
/** EDK2 drops longer packets, although it claims to accept 65,280. */
const LONGEST_BYTES = 1472;
const IP_AND_UDP_BYTES = 28;
/** Option 67 has a one-byte length, which includes the NUL. */
const LONGEST_NAME_BYTES = 254;

interface Parts {
  readonly file: string | undefined;
  readonly vendorInfo: Uint8Array | undefined;
  readonly serverName: string | undefined;
}

function answer(request: DhcpPacket, client: BootClient, port: DhcpPort, server: string, parts: Parts): DhcpFields {
  const { file, vendorInfo, serverName } = parts;
  const options: (readonly [number, Uint8Array])[] = [
    [Option.messageType, Uint8Array.of(port === 4011 ? MessageType.ack : MessageType.offer)],
    [Option.serverId, octets(server)],
    // No NUL and nothing after it: iPXE compares the whole value.
    [Option.vendorClass, textBytes(client.vendorClass)],
  ];
  const echo = (code: number) => {
    const value = request.options.get(code);
    if (value !== undefined) options.push([code, value]);
  };
  echo(Option.clientGuid);
  if (vendorInfo !== undefined) options.push([Option.vendorInfo, vendorInfo]);
  if (serverName !== undefined) options.push([Option.serverName, terminated(serverName)]);
  if (file !== undefined) options.push([Option.bootFile, terminated(file)]);
  echo(Option.relayInfo);
  return {
    op: BOOTREPLY,
    htype: request.htype,
    xid: request.xid,
    flags: request.flags | BROADCAST,
    ciaddr: port === 4011 ? request.ciaddr : NO_ADDRESS,
    siaddr: server,
    giaddr: request.giaddr,
    chaddr: request.chaddr,
    sname: server,
    file: file !== undefined && textBytes(file).length < FILE_BYTES ? file : '',
    options,
  };
}

/** Such an offer has no file and no option 43, so firmware asks port 4011. */
function isLeftToBootServer({ vendorClass }: BootClient, port: DhcpPort, layout: BootLayout): boolean {
  return layout === 'binl' && port === 67 && vendorClass === 'PXEClient';
}

function vendorInfoFor(
  request: DhcpPacket,
  client: BootClient,
  port: DhcpPort,
  decision: Decision,
  layout: BootLayout,
): Uint8Array | undefined {
  if (client.vendorClass === 'HTTPClient') return undefined;
  if (decision.kind === 'disk') return localBoot();
  if (client.firmware === 'raspberry-pi' && !client.isIpxe) return raspberryPiBoot();
  if (isLeftToBootServer(client, port, layout)) return undefined;
  const own = request.options.get(Option.vendorInfo);
  const item = own && decodeEncapsulated(own)?.get(PxeTag.bootItem);
  if (item?.length === BOOT_ITEM_BYTES && port === 4011) return bootItem(item);
  return layout === 'menu' ? directBootWithPrompt() : directBoot();
}

function maxBytes({ options }: DhcpPacket): number {
  const asked = options.get(Option.maxSize);
  const claimed = asked?.length === 2 ? asked[0]! * 256 + asked[1]! : DEFAULT_MAX_BYTES;
  return Math.min(Math.max(claimed, DEFAULT_MAX_BYTES), LONGEST_BYTES) - IP_AND_UDP_BYTES;
}

function packetBytes({ options }: DhcpFields): number {
  return Math.max(HEADER_BYTES, encodedBytes(options));
}

function octets(address: string): Uint8Array {
  return Uint8Array.from(address.split('.'), Number);
}

function terminated(text: string): Uint8Array {
  return textBytes(`${text}\0`);
}
