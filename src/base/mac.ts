/**
 * MAC addresses: accepts every unambiguous spelling, produces one, and matches patterns.
 */

/**
 * Normalizes a MAC address to `52:54:00:12:34:56`. Accepts octets (`52:54:00:12:34:56`, with `-` or spaces between them, or
 * without leading zeros: `0:1:e8:12:34:56`), groups of four digits (`5254.0012.3456`, `5254-0012-3456`), halves
 * (`525400-123456`) and bare digits (`525400123456`, `0x525400123456`), in any case. Dotted octets are rejected, since network
 * management writes those in decimal.
 * @returns `undefined` if the text is not a MAC address
 */
export function parseMac(text: string): string | undefined {
  if (shortOctets.test(text))
    return formatMac(
      text
        .split(':')
        .map((octet) => octet.padStart(2, '0'))
        .join(''),
    );
  const match = spellings.exec(text);
  return match ? formatMac(text.replace(/^0x|[^0-9a-f]/gi, '')) : undefined;
}

/** A set of MAC addresses: `52:54:00:*`, or `*:*:*:12:34:56`. */
export interface MacPattern {
  /** Number of octets that are fixed, 0–5: the more, the more specific. */
  readonly octets: number;
  /** Indices of the fixed octets: `0,1,2`. */
  readonly places: string;
  /** The fixed octets: `52:54:00`. */
  readonly key: string;
  /** The octets of an address at the fixed positions: the pattern matches if they equal `key`. @param mac as {@link parseMac} returns it */
  keyOf(mac: string): string;
  matches(mac: string): boolean;
}

/**
 * Parses a pattern: octets separated by `:` or `-`, any of which may be `*`; a final `*` stands for all remaining octets.
 * @returns `undefined` if the text is not a pattern; a complete address is not one
 */
export function parseMacPattern(text: string): MacPattern | undefined {
  const octets = text.toLowerCase().split(text.includes('-') ? '-' : ':');
  if (!octets.includes('*') || octets.length > 6 || !octets.every((octet) => octet === '*' || /^[0-9a-f]{2}$/.test(octet)))
    return undefined;
  if (octets.length < 6 && octets.at(-1) !== '*') return undefined;
  const places = octets.flatMap((octet, index) => (octet === '*' ? [] : [index]));
  const key = places.map((place) => octets[place]).join(':');
  const keyOf = (mac: string) => places.map((place) => mac.slice(place * 3, place * 3 + 2)).join(':');
  return { octets: places.length, places: places.join(), key, keyOf, matches: (mac) => keyOf(mac) === key };
}

/** Exactly six groups: an IPv6 address has eight, or contains `::`. */
const shortOctets = /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i;

const spellings =
  /^(?:[0-9a-f]{2}([- ])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}|[0-9a-f]{4}([.:-])[0-9a-f]{4}\2[0-9a-f]{4}|[0-9a-f]{6}[.:-][0-9a-f]{6}|(?:0x)?[0-9a-f]{12})$/i;

function formatMac(digits: string): string {
  return digits.toLowerCase().match(/../g)!.join(':');
}
