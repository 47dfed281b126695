/**
 * What lease files have in common, whoever writes them. Types and the reading of single values; no format and no file.
 */
import { parseAddress, parseMac } from 'pxe/kit';

/** What an entry of a lease file says of an address. The last entry of a file for an address is the one that counts. */
export interface Lease {
  /** In the one spelling of `parseAddress`. */
  readonly address: string;
  /** `undefined`: nobody has the address now (free, released, declined, …), or the entry does not tell who. */
  readonly mac: string | undefined;
  /** When the lease was given or last renewed, in ms since the epoch, where the file says so. */
  readonly sinceMs?: number | undefined;
  /** When it ends, in ms since the epoch; `Infinity` for never. */
  readonly untilMs: number;
}

/** Told each entry, in the file's order. */
export type Found = (lease: Lease) => void;

interface Named {
  /** What a config calls the format. */
  readonly name: string;
  /** Whether a file that begins with this line is of the format. Empty lines, comments and a hosts file's lines may come before it. */
  recognises(line: string): boolean;
  /** Endings of files beside it into which its server moves older entries, in the order in which entries wander. */
  readonly older: readonly string[];
}

/** A format of lines, each told once it is complete. A reader keeps between lines what it needs; it never throws, whatever the text. */
export interface LineFormat extends Named {
  readonly kind: 'lines';
  /** The file grows at its end until it is replaced: what has been read need not be read again. */
  readonly appended: boolean;
  /** A reader that stands at the beginning of a file. */
  reader(found: Found): (line: string) => void;
}

/** A format that means nothing before its last byte. */
export interface WholeFormat extends Named {
  readonly kind: 'whole';
  /** @returns `unknown` if the text is not of the format after all, `damaged` if it is not complete; then it may be neither */
  parse(text: string): Lease[] | 'unknown' | 'damaged';
}

export type LeaseFormat = LineFormat | WholeFormat;

/** A lease, if the address is one. A MAC address that is a group's or all zeros is none. */
export function makeLease(address: string, mac: string | undefined, untilMs: number, sinceMs?: number): Lease | undefined {
  const parsed = parseAddress(address);
  if (parsed === undefined || Number.isNaN(untilMs)) return undefined;
  const known = mac === undefined ? undefined : parseMac(withLeadingZeros(mac));
  const since = sinceMs !== undefined && Number.isFinite(sinceMs) ? sinceMs : undefined;
  return { address: parsed.text, mac: known !== undefined && isOfOneMachine(known) ? known : undefined, sinceMs: since, untilMs };
}

/** ether_ntoa(3) leaves leading zeros out: `52:54:0:12:34:56`. */
function withLeadingZeros(mac: string): string {
  return /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i.test(mac) ? mac.replace(/\b[0-9a-f]\b/gi, '0$&') : mac;
}

/** Not a group address, and not all zeros. @param mac in the spelling of `parseMac` */
export function isOfOneMachine(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0 && mac !== '00:00:00:00:00:00';
}

/**
 * The MAC address in a DHCP unique identifier (RFC 8415 §11): type 1 (link-layer address and time) and type 3 (link-layer address)
 * of hardware type 1, Ethernet, hold one; the others do not.
 * @param duid octets in hex, parted by `:` or by nothing
 */
export function macInDuid(duid: string): string | undefined {
  const digits = duid.replaceAll(':', '');
  const [, long, short] = duidWithMac.exec(digits) ?? [];
  const mac = parseMac(long ?? short ?? '');
  return mac !== undefined && isOfOneMachine(mac) ? mac : undefined;
}

const duidWithMac = /^(?:00010001[0-9a-f]{8}([0-9a-f]{12})|00030001([0-9a-f]{12}))$/i;

/** Seconds since the epoch as text, in ms; `NaN` if it is no such number. */
export function secondsToMs(text: string | undefined): number {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) * 1000 : Number.NaN;
}

/**
 * Whether a number is a time in seconds since the epoch, and not a length or what a device without a clock takes for the time: no
 * lease was given in the last millennium.
 */
export function isDate(seconds: number): boolean {
  return seconds >= 946_684_800;
}
