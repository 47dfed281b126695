/**
 * The formats of lease files, and telling which one a file is of.
 */
import { dhcpd } from './dhcpd.ts';
import { dnsmasq } from './dnsmasq.ts';
import { kea } from './kea.ts';
import type { LeaseFormat } from './lease.ts';
import { networkd } from './networkd.ts';

/** By the names that a config gives them. */
export const formats = { dnsmasq, dhcpd, kea, networkd } as const satisfies Readonly<Record<string, LeaseFormat>>;

export type FormatName = keyof typeof formats;

/** What the beginning of a file tells: `none` as long as there is nothing to go by. */
export function detect(head: string): LeaseFormat | 'none' | 'unknown' {
  // A line that is not complete may still become anything, but for JSON, which may be a single one without an end.
  const line = /^(?:\{.*|(?!#)\S.*(?=\n))/m.exec(head)?.[0];
  if (line === undefined) return 'none';
  return Object.values(formats).find((format) => format.recognises(line)) ?? 'unknown';
}
