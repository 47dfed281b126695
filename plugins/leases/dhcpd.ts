/**
 * The lease file of ISC dhcpd, for DHCPv4 and DHCPv6 (dhcpd.leases(5)). Every change is appended; now and then the file is replaced.
 *
 *     lease 192.168.7.50 {
 *       starts 2 2026/11/24 10:00:00;            day of the week, date and time in UTC; or `epoch SECONDS`
 *       ends 2 2026/11/24 11:00:00;              or `never`
 *       cltt 2 2026/11/24 10:00:00;              when the client was last heard
 *       binding state active;                    free, released, expired, abandoned, reset, backup: nobody has it
 *       hardware ethernet 52:54:00:12:34:56;
 *     }
 *     host web1.lab {                            made through OMAPI, permanent; `deleted;` revokes earlier declarations of the name
 *       dynamic;
 *       hardware ethernet 52:54:00:12:34:56;
 *       fixed-address 192.168.7.50, 192.168.7.51;
 *     }
 *     ia-na "\022\064…" {                        IAID and DUID of the client, as text with octal escapes, or as octets in hex
 *       cltt 2 2026/11/24 10:00:00;
 *       iaaddr fd00::50 { binding state active; preferred-life 375; max-life 600; ends 2 2026/11/24 10:10:00; }
 *     }
 *
 * dhcpd ends each statement on the line on which it begins, and escapes line breaks in text; this reader relies on both.
 */
import { type LineFormat, macInDuid, makeLease, type OnLease, secondsToMs } from './lease.ts';

export const dhcpd: LineFormat = {
  kind: 'lines',
  name: 'dhcpd',
  appended: true,
  older: [],
  recognises: (line) =>
    /^(?:lease|ia-[a-z]+|server-duid|authoring-byte-order|lease-id-format|failover|host|(?:sub)?(?:class|group))\b/.test(line),
  reader: (onLease) => {
    const blocks = new Blocks(onLease);
    return (line) => {
      if (line.startsWith('#')) return;
      for (const [, text, mark] of line.matchAll(statements)) blocks.take(text!.trim(), mark as ';' | '{' | '}');
    };
  },
};

/** Up to `;`, `{` or `}` outside quoted text. */
const statements = /([^;{}"]*(?:"(?:[^"\\]|\\.)*"[^;{}"]*)*)([;{}])/gy;

/** The statements so far of the innermost open block of a known kind. */
interface Open {
  readonly address: string;
  mac: string | undefined;
  state: string;
  sinceMs: number | undefined;
  untilMs: number;
}

/** The statements so far of an open host declaration. */
interface OpenHost {
  readonly name: string;
  mac: string | undefined;
  addresses: readonly string[];
}

class Blocks {
  readonly #onLease: OnLease;
  /** Open blocks of any kind. */
  #depth = 0;
  /** Depth within the lease or the address of an association. */
  #leaseDepth = 0;
  #lease: Open | undefined;
  /** Statements of the open association (`ia-na`, `ia-ta`). */
  #association: { readonly mac: string | undefined; sinceMs: number | undefined } | undefined;

  #host: OpenHost | undefined;
  /** Declared hosts by name. */
  readonly #declared = new Map<string, OpenHost>();
  /** MAC addresses of declared hosts, by address. */
  readonly #reserved = new Map<string, string | undefined>();

  constructor(onLease: OnLease) {
    this.#onLease = onLease;
  }

  take(text: string, mark: ';' | '{' | '}'): void {
    if (mark === '{') this.#open(text);
    else if (mark === ';') this.#say(text);
    else this.#close();
  }

  #open(text: string): void {
    // A top-level declaration begins here, even if a damaged file has left blocks open.
    const [kind, name = ''] = split(text);
    if (kind === 'lease' || kind === 'host' || kind === 'ia-na' || kind === 'ia-ta' || kind === 'ia-pd') {
      this.#depth = 0;
      this.#lease = undefined;
      this.#association = undefined;
      this.#host = undefined;
    }
    this.#depth++;
    if (kind === 'host') this.#host = { name: name.replaceAll('"', ''), mac: undefined, addresses: [] };
    else if (kind === 'lease') this.#begin(name, undefined, undefined);
    else if (kind === 'ia-na' || kind === 'ia-ta') this.#association = { mac: macInDuid(duidOf(text)), sinceMs: undefined };
    else if (kind === 'iaaddr' && this.#association) this.#begin(name, this.#association.mac, this.#association.sinceMs);
  }

  #begin(address: string, mac: string | undefined, sinceMs: number | undefined): void {
    this.#leaseDepth = this.#depth;
    this.#lease = { address, mac, state: 'active', sinceMs, untilMs: Number.POSITIVE_INFINITY };
  }

  #say(text: string): void {
    const [key, ...words] = split(text);
    if (this.#lease === undefined || this.#depth !== this.#leaseDepth) {
      if (key === 'cltt' && this.#association) this.#association.sinceMs = timeOf(words);
      if (this.#host && this.#depth === 1) sayOfHost(this.#host, key, words);
      return;
    }
    switch (key) {
      case 'starts':
        this.#lease.sinceMs ??= timeOf(words);
        break;
      case 'cltt':
        this.#lease.sinceMs = timeOf(words);
        break;
      case 'ends':
        this.#lease.untilMs = timeOf(words);
        break;
      case 'hardware':
        this.#lease.mac = words[0] === 'ethernet' ? words[1] : undefined;
        break;
      case 'binding':
        this.#lease.state = words[1] ?? '';
        break;
      case 'abandoned':
        this.#lease.state = key;
        break;
    }
  }

  #close(): void {
    if (this.#lease && this.#depth === this.#leaseDepth) {
      const { address, mac, state, sinceMs, untilMs } = this.#lease;
      const taken = state === 'active' || state === 'bootp';
      // A permanent declaration applies if no lease does.
      if (taken || !this.#reserved.has(address)) this.#emit(address, taken ? mac : undefined, untilMs, sinceMs);
      else this.#emit(address, this.#reserved.get(address));
      this.#lease = undefined;
    }
    if (this.#host && this.#depth === 1) this.#declare(this.#host);
    this.#depth = Math.max(0, this.#depth - 1);
    if (this.#depth === 0) this.#association = undefined;
  }

  /** The last declaration of a name counts; one that is deleted has no addresses. */
  #declare(host: OpenHost): void {
    for (const address of this.#declared.get(host.name)?.addresses ?? []) {
      this.#reserved.delete(address);
      if (!host.addresses.includes(address)) this.#emit(address, undefined);
    }
    this.#declared.set(host.name, host);
    for (const address of host.addresses) {
      this.#reserved.set(address, host.mac);
      this.#emit(address, host.mac);
    }
    this.#host = undefined;
  }

  #emit(address: string, mac: string | undefined, untilMs = Number.POSITIVE_INFINITY, sinceMs?: number): void {
    const lease = makeLease(address, mac, untilMs, sinceMs);
    if (lease) this.#onLease(lease);
  }
}

function sayOfHost(host: OpenHost, key: string | undefined, words: readonly string[]): void {
  switch (key) {
    case 'hardware':
      host.mac = words[0] === 'ethernet' ? words[1] : undefined;
      break;
    case 'fixed-address':
    case 'fixed-address6':
      host.addresses = words.join(' ').split(/[\s,]+/);
      break;
    // A deleted host has no addresses.
  }
}

function split(text: string): string[] {
  return text.split(/\s+/);
}

/** `2 2026/11/24 10:00:00`, `epoch 1795514400`, `never`. In ms since the epoch; `NaN` if invalid. */
function timeOf([first, second = '', third = '']: readonly string[]): number {
  if (first === 'never') return Number.POSITIVE_INFINITY;
  if (first === 'epoch') return secondsToMs(second);
  const date = /^(\d{4})\/(\d\d?)\/(\d\d?)$/.exec(second);
  const time = /^(\d\d?):(\d\d):(\d\d)$/.exec(third);
  if (date === null || time === null) return Number.NaN;
  const [year, month, day, hour, minute, secondOf] = [...date.slice(1), ...time.slice(1)].map(Number);
  return Date.UTC(year!, month! - 1, day, hour, minute, secondOf);
}

/** The DUID after the four octets of the IAID, in hex, from `ia-na "…"` or `ia-na 00:01:…`. */
function duidOf(text: string): string {
  const written = text.replace(/^\S+\s+/, '');
  const hex = written.startsWith('"') ? toHex(written.slice(1, -1)) : written.replaceAll(':', '');
  return hex.slice(8);
}

/** Each character is an octet, except the escapes `\\`, `\"` and three octal digits. */
function toHex(text: string): string {
  return text.replace(/\\([0-7]{3}|.)|./gs, (whole, escaped: string | undefined) => {
    const code =
      escaped === undefined ? whole.charCodeAt(0) : escaped.length === 3 ? Number.parseInt(escaped, 8) : escaped.charCodeAt(0);
    return (code & 0xff).toString(16).padStart(2, '0');
  });
}
