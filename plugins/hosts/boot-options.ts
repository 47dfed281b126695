/**
 * Types and schemas of the key `boot`: the program that a machine loads.
 */
import type { BootLayout, Firmware } from 'pxe';
import { bootLayouts, firmwares } from 'pxe/kit';
import { z } from 'zod';
import { checkedBy } from '../lib/checked.ts';
import { isName } from '../lib/name.ts';
import { bootPlaceholders, isBootFillable } from './fill.ts';

/**
 * The name of a file under the root; an `http:` or `https:` URL; `'disk'`: boot from the local disk, now; `false`: no offer, so that the
 * firmware goes on to its next boot device.
 */
export type BootTarget = 'disk' | false | (string & {});

/** A target by firmware; `default` is for each firmware without an entry of its own, iPXE aside if it names iPXE itself. */
export type BootByFirmware = { readonly [Name in Firmware | 'default']?: BootTarget | undefined };

export interface BootEntry {
  /** What the machine loads, as it asks by DHCP: a file, a URL, `'disk'` or `false`; or one of these for each firmware. */
  readonly boot?: BootTarget | BootByFirmware | undefined;
  /** How that is offered. Default: `direct`. */
  readonly layout?: BootLayout | undefined;
}

const SCHEME = /^[a-z][a-z\d+.-]*:\/\//i;

const url = z
  .string()
  .refine((written) => /^https?:\/\/[\x21-\x7e]+$/i.test(written) && URL.canParse(written.replaceAll(/\{[^{}]*\}/g, '0')), {
    error: 'expected an http: or https: URL without blanks',
    params: { hint: 'a file that TFTP serves stands alone, by its name under the root' },
  })
  .refine(isBootFillable, { error: 'contains an unknown placeholder', params: { hint: `known: ${bootPlaceholders}` } });
const name = z
  .string()
  .refine(isName, 'expected a file under the root, without ..')
  .refine(isBootFillable, { error: 'contains an unknown placeholder', params: { hint: `known: ${bootPlaceholders}` } });
const other: z.ZodType<BootTarget> = z.custom<never>(() => false, {
  error: ({ input }) => (input === true ? 'expected what to load, found true' : 'expected a file, a URL, "disk" or false'),
});

function targetSchema(written: unknown): z.ZodType<BootTarget> {
  if (written === false) return z.literal(false);
  if (typeof written !== 'string') return other;
  return SCHEME.test(written) ? url : name;
}

const target = checkedBy<BootTarget, BootTarget>(targetSchema);
const keys = [...firmwares, 'default'] as const;
const byFirmware: z.ZodType<BootByFirmware> = z.strictObject(
  Object.fromEntries(keys.map((key) => [key, target.optional()])) as Record<(typeof keys)[number], z.ZodOptional<typeof target>>,
);

const boot = checkedBy<BootTarget | BootByFirmware, BootTarget | BootByFirmware>(
  (written) => (typeof written === 'object' && written !== null && !Array.isArray(written) ? byFirmware : targetSchema(written)),
  (value) =>
    typeof value === 'object' && Object.values(value).every((one) => one === undefined)
      ? [{ path: [], message: 'names no firmware', hint: `there are: ${keys.join(', ')}` }]
      : [],
);

/** Keys of an entry. */
export const bootShape = { boot: boot.optional(), layout: z.enum(bootLayouts).optional() };
