/**
 * MAC addresses as text: every usual spelling in, one spelling out, and patterns over them. Knows nothing of who has one.
 */

/**
 * Brings a MAC address into the one spelling used inside: `52:54:00:12:34:56`.
 * Takes `52:54:00:12:34:56`, `52-54-00-12-34-56`, `5254.0012.3456` and `525400123456`, in any case.
 * @returns `undefined` if the text is no MAC address
 */
export function parseMac(text: string): string | undefined {
  const match = spellings.exec(text);
  return match ? formatMac(text.replace(/[^0-9a-f]/gi, '')) : undefined;
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

const spellings =
  /^(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{12})$/i;

function formatMac(digits: string): string {
  return digits.toLowerCase().match(/../g)!.join(':');
}
