/**
 * What all lease files have in common: types, and the parsing of single values. It knows no format and reads no file.
 */
import { parseAddress, parseMac } from 'pxe/kit';

/** An entry of a lease file about an address. The last entry of a file for an address counts. */
export interface Lease {
  /** As spelled by `parseAddress`. */
  readonly address: string;
  /** `undefined`: the address is not leased (free, released, declined, …), or the entry does not identify the machine. */
  readonly mac: string | undefined;
  /** When the lease was granted or last renewed, in ms since the epoch, if the file says so. */
  readonly sinceMs?: number | undefined;
  /** When it ends, in ms since the epoch; `Infinity` for never. */
  readonly untilMs: number;
}

/** Called with each entry, in the order of the file. */
export type OnLease = (lease: Lease) => void;

interface Named {
  /** The format's name in a config. */
  readonly name: string;
  /** Whether a file that begins with this line has the format. Empty lines, comments and a hosts file's lines may precede it. */
  recognises(line: string): boolean;
  /** Suffixes of the files into which the server moves older entries, in the order of moving. */
  readonly older: readonly string[];
}

/**
 * A format of lines, each read once it is complete. A reader keeps its state between lines and never throws, whatever the text.
 */
export interface LineFormat extends Named {
  readonly kind: 'lines';
  /** The file grows at its end until it is replaced, so lines are read only once. */
  readonly appended: boolean;
  /** Returns a reader for the beginning of a file. */
  reader(onLease: OnLease): (line: string) => void;
}

/** A format that can only be parsed as a whole. */
export interface WholeFormat extends Named {
  readonly kind: 'whole';
  /** @returns `unknown` if the text does not have the format after all, `damaged` if it is incomplete and might have it */
  parse(text: string): Lease[] | 'unknown' | 'damaged';
}

export type LeaseFormat = LineFormat | WholeFormat;

/** Makes a lease if the address is valid. A group MAC address, or one of all zeros, does not count. */
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

/** Whether it is neither a group address nor all zeros. @param mac in the spelling of `parseMac` */
export function isOfOneMachine(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0 && mac !== '00:00:00:00:00:00';
}

/**
 * The MAC address in a DHCP unique identifier (RFC 8415 §11): type 1 (link-layer address and time) and type 3 (link-layer address)
 * of hardware type 1, Ethernet, hold one; the others do not.
 * @param duid octets in hex, with or without `:` between them
 */
export function macInDuid(duid: string): string | undefined {
  const digits = duid.replaceAll(':', '');
  const [, long, short] = duidWithMac.exec(digits) ?? [];
  const mac = parseMac(long ?? short ?? '');
  return mac !== undefined && isOfOneMachine(mac) ? mac : undefined;
}

const duidWithMac = /^(?:00010001[0-9a-f]{8}([0-9a-f]{12})|00030001([0-9a-f]{12}))$/i;

/** Converts seconds since the epoch, as text, to ms; `NaN` if invalid. */
export function secondsToMs(text: string | undefined): number {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) * 1000 : Number.NaN;
}

/**
 * Whether a number is a time in seconds since the epoch, and not a duration or the wrong time of a device without a clock: no
 * lease dates from before 2000.
 */
export function isDate(seconds: number): boolean {
  return seconds >= 946_684_800;
}
