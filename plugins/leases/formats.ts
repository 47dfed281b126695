/**
 * The formats of lease files, and their detection.
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

/** Formats by their names in a config. */
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

/** Detects the format from the beginning of a file; `none` if it contains nothing to decide by. */
export function detect(head: string): LeaseFormat | 'none' | 'unknown' {
  const lines = head.split('\n').map(plain);
  const last = lines.pop()!;
  // An incomplete line can still become any format, unless the format has no lines or the line is too long for all of them.
  if (/^[{[\0]/.test(last) || last.length > LONGEST_LINE) lines.push(last);
  for (const line of lines) {
    const found = Object.values(formats).find((format) => format.recognises(line));
    if (found) return found;
    if (!isPreamble.test(line)) return 'unknown';
  }
  return 'none';
}

/** Characters. A format that is detected by its first line begins with a short one. */
const LONGEST_LINE = 1024;

/** An empty line, a comment, or the line of a hosts file. */
const isPreamble = /^(?:\s*$|#|[0-9a-f.:]+\t)/i;
