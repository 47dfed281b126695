/**
 * Identifies the client: what a DHCP request says about the machine and the program that sent it. Requests of programs other
 * than network boot firmware must be ignored, since some would accept any offer.
 */
import { architectureOf, type Firmware } from '../../base/firmware.ts';
import { addressOf, type DhcpPacket, decodeEncapsulated, MessageType, NO_ADDRESS, Option, textOf } from './packet.ts';

/** A machine that asks what to boot. */
export interface BootClient {
  /** The vendor class that it sent, which the answer must repeat: PXE, or UEFI HTTP Boot. */
  readonly vendorClass: 'PXEClient' | 'HTTPClient';
  /** Option 93, else the number in the vendor class; `undefined` if neither is present. */
  readonly arch: number | undefined;
  /** The firmware that `arch` means. A Raspberry Pi and iPXE are recognized by other marks, since both send the type of a BIOS or UEFI. */
  readonly firmware: Firmware | undefined;
  /** Whether the program is iPXE, whatever the machine's own firmware is. */
  readonly isIpxe: boolean;
  /** `52:54:00:12:34:56`; `undefined` if the hardware address is not a MAC address: some firmware sends its UUID instead. */
  readonly mac: string | undefined;
  /** SMBIOS UUID, in its written order. */
  readonly uuid: string | undefined;
  /** A Raspberry Pi's serial number: eight hex digits, which also prefix the names that it requests. */
  readonly serial: string | undefined;
}

/** `undefined` if the sender is not network boot firmware: it must get no answer. */
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

/** The address that a machine has or is about to get, by which later requests are attributed to it. */
export function claimedAddress({ options, ciaddr }: DhcpPacket): string | undefined {
  if (options.get(Option.messageType)?.[0] !== MessageType.request) return undefined;
  return addressOf(options.get(Option.requestedAddress)) ?? (ciaddr === NO_ADDRESS ? undefined : ciaddr);
}

/** `undefined` if the hardware address is not a MAC address. */
export function macOf({ htype, chaddr }: DhcpPacket): string | undefined {
  if (htype !== 1 || chaddr.length !== 6 || chaddr.every((byte) => byte === 0)) return undefined;
  return Array.from(chaddr, (byte) => hexOf([byte])).join(':');
}

const CLASSES = ['PXEClient', 'HTTPClient'] as const;
const NOTHING = new Uint8Array(0);
/** Vendor prefixes of Raspberry Pi MAC addresses. */
const PI_PREFIXES = ['b8:27:eb', 'dc:a6:32', 'e4:5f:01', '28:cd:c1', 'd8:3a:dd', '2c:cf:67'];
/** A Pi 3's boot ROM fills its GUID with this byte. */
const PI_FILLER = 0x44;
/** First bytes of the GUID of a Pi 4 or 5. */
const PI_MARK = /^RPi\d/;
const GUID_TYPE = 0;
const GUID_BYTES = 17;
/** In iPXE's encapsulated options (175): the network card's bus, and the version. */
const IPXE_MARKS = [177, 235];

/** Several types may be listed; the first one counts. The vendor class has it in decimal: `PXEClient:Arch:00007:UNDI:003016`. */
function archOf(types: Uint8Array | undefined, text: string): number | undefined {
  if (types !== undefined && types.length >= 2) return types[0]! * 256 + types[1]!;
  const written = /^[A-Z]+Client:Arch:(\d{1,5})/i.exec(text)?.[1];
  return written === undefined ? undefined : Number(written);
}

/** The user class is four bare bytes, or length-prefixed as RFC 3004 requires. */
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

/** A boot ROM without a serial number repeats a single byte. */
function isFilled(guid: Uint8Array): boolean {
  return guid.every((byte) => byte === PI_FILLER);
}

/** The GUID of a Pi 4 or 5 ends with the serial number; that of a Pi 3B+ repeats it four times. */
function serialOf(guid: Uint8Array): string | undefined {
  const groups = [0, 4, 8, 12].map((at) => hexOf(guid.subarray(at, at + 4)));
  const isRepeated = groups.every((group) => group === groups[0]) && !isFilled(guid);
  return isRepeated || PI_MARK.test(textOf(guid)) ? groups[3] : undefined;
}

/** The 16 bytes after the type. */
function guidOf(options: DhcpPacket['options']): Uint8Array | undefined {
  const sent = options.get(Option.clientGuid);
  return sent?.length === GUID_BYTES && sent[0] === GUID_TYPE ? sent.subarray(1) : undefined;
}

/** The first three groups are little-endian (SMBIOS §7.2.1), as all known firmware sends them. */
function uuidOf(guid: Uint8Array): string | undefined {
  // All zeros or all ones mean that the board's maker has set no UUID.
  if (guid.every((byte) => byte === guid[0])) return undefined;
  const hex = (...order: readonly number[]) => hexOf(order.map((i) => guid[i]!));
  return [hex(3, 2, 1, 0), hex(5, 4), hex(7, 6), hex(8, 9), hex(10, 11, 12, 13, 14, 15)].join('-');
}

function hexOf(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
