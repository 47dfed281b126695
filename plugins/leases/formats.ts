/**
 * The formats of lease files, and telling which one a file is of.
 */
import { dhcpd } from './dhcpd.ts';
import { dnsmasq } from './dnsmasq.ts';
import { kea } from './kea.ts';
import type { LeaseFormat } from './lease.ts';
import { libvirt } from './libvirt.ts';
import { networkd } from './networkd.ts';
import { odhcpd } from './odhcpd.ts';
import { plain } from './progress.ts';
import { udhcpd } from './udhcpd.ts';

/** By the names that a config gives them. */
export const formats = {
  dnsmasq,
  dhcpd,
  kea,
  networkd,
  libvirt,
  odhcpd,
  udhcpd,
} as const satisfies Readonly<Record<string, LeaseFormat>>;

export type FormatName = keyof typeof formats;

/** What the beginning of a file tells: `none` while there is nothing to go by. */
export function detect(head: string): LeaseFormat | 'none' | 'unknown' {
  const lines = head.split('\n').map(plain);
  const last = lines.pop()!;
  // A line that is not complete may still become anything, but for formats that have no lines, and if it is longer than any has.
  if (/^[{[\0]/.test(last) || last.length > LONGEST_LINE) lines.push(last);
  for (const line of lines) {
    const found = Object.values(formats).find((format) => format.recognises(line));
    if (found) return found;
    if (!isPreamble.test(line)) return 'unknown';
  }
  return 'none';
}

/** Characters. A format that is told by its first line begins with a short one. */
const LONGEST_LINE = 1024;

/** Nothing, a comment, or the line of a hosts file. */
const isPreamble = /^(?:\s*$|#|[0-9a-f.:]+\t)/i;
