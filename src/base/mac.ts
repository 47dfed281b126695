/**
 * MAC addresses as text: every unambiguous spelling in, one spelling out, and patterns over them. Does not know which client has one.
 */

/**
 * Brings a MAC address into the one spelling used inside: `52:54:00:12:34:56`.
 * Takes octets (`52:54:00:12:34:56`, with `-` or blanks between them, or without leading zeros: `0:1:e8:12:34:56`), groups of four
 * digits (`5254.0012.3456`, `5254-0012-3456`), halves (`525400-123456`) and bare digits (`525400123456`, `0x525400123456`), in any case.
 * Octets with dots between them are not taken: network management writes those in decimal.
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
  /** Octets that are given, 0–5: the more, the narrower. */
  readonly octets: number;
  /** Which of the six octets are given: `0,1,2`. */
  readonly places: string;
  /** The octets given: `52:54:00`. */
  readonly key: string;
  /** The octets of an address at the same places: it matches if they equal `key`. @param mac in the spelling of {@link parseMac} */
  keyOf(mac: string): string;
  matches(mac: string): boolean;
}

/**
 * Reads a pattern: octets parted by `:` or `-`, of which any may be `*`; a `*` at the end stands for all the rest.
 * @returns `undefined` if the text is no pattern; a whole address is none
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

/** Six groups: an IPv6 address has eight, or `::`. */
const shortOctets = /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i;

const spellings =
  /^(?:[0-9a-f]{2}([- ])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}|[0-9a-f]{4}([.:-])[0-9a-f]{4}\2[0-9a-f]{4}|[0-9a-f]{6}[.:-][0-9a-f]{6}|(?:0x)?[0-9a-f]{12})$/i;

function formatMac(digits: string): string {
  return digits.toLowerCase().match(/../g)!.join(':');
}
