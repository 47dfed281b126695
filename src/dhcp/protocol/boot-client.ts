/**
 * Who asks: what a DHCP request says of the machine and of the program that sent it. Requests of other programs than those that
 * boot machines from the network must be left alone: some of them would take any offer.
 */
import { architectureOf, type Firmware } from './firmware.ts';
import { addressOf, type DhcpPacket, decodeEncapsulated, MessageType, NO_ADDRESS, Option, textOf } from './packet.ts';

/** A machine that asks what to boot. */
export interface BootClient {
  /** The vendor class that it sent, which the answer must have: PXE, or UEFI's HTTP Boot. */
  readonly vendorClass: 'PXEClient' | 'HTTPClient';
  /** Option 93, else the number in the text of the class; `undefined` if it tells neither. */
  readonly arch: number | undefined;
  /** What `arch` stands for; a Raspberry Pi and iPXE are told by other marks, since both send that of a BIOS or UEFI. */
  readonly firmware: Firmware | undefined;
  /** What runs is iPXE, whatever the machine's own firmware is. */
  readonly isIpxe: boolean;
  /** `52:54:00:12:34:56`; `undefined` if the hardware address is not a MAC address: some firmware sends its UUID there. */
  readonly mac: string | undefined;
  /** SMBIOS UUID, in the order in which it is written. */
  readonly uuid: string | undefined;
  /** Of a Raspberry Pi: its serial number, eight hex digits, as it puts it before the names that it asks for. */
  readonly serial: string | undefined;
}

/** `undefined` if the packet is not from a program that boots its machine: it must get no answer. */
export function bootClientOf(packet: DhcpPacket): BootClient | undefined {
  const text = textOf(packet.options.get(Option.vendorClass) ?? NOTHING);
  const vendorClass = CLASSES.find((name) => text === name || text.startsWith(`${name}:`));
  if (vendorClass === undefined) return undefined;
  const arch = archOf(packet.options.get(Option.architecture), text);
  const guid = guidOf(packet.options);
  const isPi = isRaspberryPi(guid, macOf(packet));
  return {
    vendorClass,
    arch,
    firmware: isPi ? 'raspberry-pi' : arch === undefined ? undefined : architectureOf(arch)?.firmware,
    isIpxe: isFromIpxe(packet.options),
    mac: macOf(packet),
    uuid: isPi ? undefined : guid && uuidOf(guid),
    serial: isPi ? guid && serialOf(guid) : undefined,
  };
}

/** The address that a machine is about to have, or has: it tells which machine later requests come from. */
export function claimedAddress({ options, ciaddr }: DhcpPacket): string | undefined {
  if (options.get(Option.messageType)?.[0] !== MessageType.request) return undefined;
  return addressOf(options.get(Option.requestedAddress)) ?? (ciaddr === NO_ADDRESS ? undefined : ciaddr);
}

const CLASSES = ['PXEClient', 'HTTPClient'] as const;
const NOTHING = new Uint8Array(0);
/** Vendor prefixes of the Raspberry Pi's MAC addresses. */
const PI_PREFIXES = ['b8:27:eb', 'dc:a6:32', 'e4:5f:01', '28:cd:c1', 'd8:3a:dd', '2c:cf:67'];
/** All bytes of the GUID that a Pi 3's boot ROM sends. */
const PI_FILLER = 0x44;
/** How the GUID of a Pi 4 or 5 begins. */
const PI_MARK = /^RPi\d/;
const GUID_TYPE = 0;
const GUID_BYTES = 17;
/** In iPXE's own options (175): the network card's bus, and the version. */
const IPXE_MARKS = [177, 235];

/** Several types may be listed: the first counts. The text has it in decimal: `PXEClient:Arch:00007:UNDI:003016`. */
function archOf(types: Uint8Array | undefined, text: string): number | undefined {
  if (types !== undefined && types.length >= 2) return types[0]! * 256 + types[1]!;
  const written = /^[A-Z]+Client:Arch:(\d{1,5})/i.exec(text)?.[1];
  return written === undefined ? undefined : Number(written);
}

/** The user class is four bare bytes, or has a length before them as RFC 3004 wants it. */
function isFromIpxe(options: DhcpPacket['options']): boolean {
  const userClass = textOf(options.get(Option.userClass) ?? NOTHING);
  if (['iPXE', '\x04iPXE'].some((text) => userClass.startsWith(text))) return true;
  const own = options.get(Option.etherboot);
  const marks = own && decodeEncapsulated(own);
  return marks !== undefined && IPXE_MARKS.every((mark) => marks.has(mark));
}

function isRaspberryPi(guid: Uint8Array | undefined, mac: string | undefined): boolean {
  if (guid !== undefined && (isFilled(guid) || PI_MARK.test(textOf(guid)))) return true;
  return mac !== undefined && PI_PREFIXES.some((prefix) => mac.startsWith(prefix));
}

/** A boot ROM that knows no serial number sends one byte over and over. */
function isFilled(guid: Uint8Array): boolean {
  return guid.every((byte) => byte === PI_FILLER);
}

/** A Pi 4 or 5 ends its GUID in the serial number; a Pi 3B+ sends it four times. */
function serialOf(guid: Uint8Array): string | undefined {
  const groups = [0, 4, 8, 12].map((at) => hexOf(guid.subarray(at, at + 4)));
  const isRepeated = groups.every((group) => group === groups[0]) && !isFilled(guid);
  return isRepeated || PI_MARK.test(textOf(guid)) ? groups[3] : undefined;
}

function macOf({ htype, chaddr }: DhcpPacket): string | undefined {
  if (htype !== 1 || chaddr.length !== 6 || chaddr.every((byte) => byte === 0)) return undefined;
  return Array.from(chaddr, (byte) => hexOf([byte])).join(':');
}

/** The 16 bytes behind the type. */
function guidOf(options: DhcpPacket['options']): Uint8Array | undefined {
  const sent = options.get(Option.clientGuid);
  return sent?.length === GUID_BYTES && sent[0] === GUID_TYPE ? sent.subarray(1) : undefined;
}

/** Its first three groups come with their lowest byte first (SMBIOS §7.2.1), as all known firmware sends them. */
function uuidOf(guid: Uint8Array): string | undefined {
  // All zeros or all ones: the board's maker has set none.
  if (guid.every((byte) => byte === guid[0])) return undefined;
  const hex = (...order: readonly number[]) => hexOf(order.map((i) => guid[i]!));
  return [hex(3, 2, 1, 0), hex(5, 4), hex(7, 6), hex(8, 9), hex(10, 11, 12, 13, 14, 15)].join('-');
}

function hexOf(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
