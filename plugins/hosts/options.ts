/**
 * Types and schemas of what a config or a data file says about machines. Reads no file.
 */
import type { Issue } from 'pxe';
import { nearest, parseAddress, parseInterfaceAddress, parseNetwork } from 'pxe/kit';
import { z } from 'zod';
import { checkedBy } from '../lib/checked.ts';
import { isName } from '../lib/name.ts';
import { type BootEntry, bootShape } from './boot-options.ts';
import { isFillable, placeholders } from './fill.ts';
import { parseSelector, selectorProblem } from './selector.ts';

/** What several machines have in common. */
export interface GroupEntry extends BootEntry {
  /** Groups whose files, folders and variables are used after the entry's own, in this order. Groups may have groups. */
  readonly groups?: readonly string[] | undefined;
  /** For generated content. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Requested name → file under the root. It ends the search: if that file does not exist, neither does the requested name. A key
   * may hold `*` (any characters but `/`), `**` (any characters) and `?` (one character); exact keys take precedence.
   */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** A folder under the root that is searched for the name. If the file is not in it, the search goes on. */
  readonly folder?: string | undefined;
}

/** The settings of one machine, or of one kind of machine. */
export interface HostEntry extends GroupEntry {
  /** Name of the machine. Default: its selector. */
  readonly name?: string | undefined;
}

/** A machine as a row of a table: its selectors and its settings together. */
export interface HostRow extends HostEntry {
  /** An address or a pattern; several for a machine with several network cards. */
  readonly mac?: string | readonly string[] | undefined;
  /**
   * An address, with or without the prefix length of its network, or a network; or several of them. If `mac` is also given, the
   * address counts only for a client whose MAC address is unknown.
   */
  readonly address?: string | readonly string[] | undefined;
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
  /** Any selector: `name:pxelinux.cfg/*`. */
  readonly match?: string | undefined;
}

export interface HostsOptions {
  /** Selector → settings of the machines that it selects. */
  readonly hosts?: Readonly<Record<string, HostEntry>> | undefined;
  readonly groups?: Readonly<Record<string, GroupEntry>> | undefined;
  /** JSON, YAML or CSV files with more hosts and groups; relative to the config, and watched. */
  readonly file?: string | readonly string[] | undefined;
  /** Header of a table → meaning of its column: `{ 'NIC 1': 'mac', Loader: 'file:boot.efi' }`; `false` ignores the column. */
  readonly columns?: Columns | undefined;
  /** Sources whose MAC addresses, UUIDs and serial numbers count: `table`, `leases`, …. Default: all. */
  readonly trust?: readonly string[] | undefined;
  /**
   * What machines that no selector matches get: the root directory (`serve`, the default), ERROR 2 and no offer (`refuse`), or
   * only the settings given here.
   */
  readonly unknown?: 'serve' | 'refuse' | Pick<GroupEntry, 'files' | 'folder' | 'boot' | 'layout'> | undefined;
}

/** Headers of a table, compared without regard to case, by the meaning of their columns. */
export type Columns = Readonly<Record<string, string | false>>;

const name = z.string().refine(isName, 'expected a file or folder under the root, without ..');
const target = name.refine(isFillable, { error: 'contains an unknown placeholder', params: { hint: `known: ${placeholders}` } });
const files = z.record(name, target).optional();
const folder = target.optional();

const common = {
  groups: z.array(z.string().min(1)).optional(),
  variables: z.record(z.string(), z.unknown()).optional(),
  files,
  folder,
  ...bootShape,
};
const group: z.ZodType<GroupEntry> = z.strictObject(common);
const host = z.strictObject({ name: z.string().min(1).optional(), ...common });
const selector = z.string().refine((written) => selectorProblem(written) === undefined, {
  error: ({ input }) => selectorProblem(String(input)) ?? '',
});
const hosts: z.ZodType<Readonly<Record<string, HostEntry>>> = z.record(selector, host);
const groups = z.record(z.string().min(1), group);

const long = z.strictObject({
  hosts: hosts.optional(),
  groups: groups.optional(),
  file: z.union([z.string().min(1), z.array(z.string().min(1))]).optional(),
  columns: z.record(z.string().min(1), z.union([z.string().min(1), z.literal(false)])).optional(),
  trust: z.array(z.string().min(1)).optional(),
  unknown: z.union([z.enum(['serve', 'refuse']), z.strictObject({ files, folder, ...bootShape })]).optional(),
});

const longKeys = Object.keys(long.shape);

/** The hosts alone, or an object with `hosts` and other keys. */
export function isLong(written: unknown): written is HostsOptions {
  if (typeof written !== 'object' || written === null) return false;
  return Object.keys(written).some(
    (key) => longKeys.includes(key) || (parseSelector(key) === undefined && nearest(key, longKeys) !== undefined),
  );
}

/** The short form, or the long one. */
export type Written = Readonly<Record<string, HostEntry>> | HostsOptions;

/** @param more checks that concern several entries */
export function hostsSchema(more: (value: Written) => readonly Issue[]): z.ZodType<Written, Written> {
  return checkedBy<Written, Written>((written) => (isLong(written) ? long : hosts), more);
}

const text = z.string().min(1);

/** `5.254E+11`: what a spreadsheet makes of a long number. `1e15` alone is hexadecimal. */
export function isRoundedNumber(written: string): boolean {
  return /^\d+([.,]\d*)?e\+\d+$|^\d+[.,]\d*e\d+$/i.test(written);
}

/** One value or a list. */
function oneOrMore(one: z.ZodType<string>) {
  return checkedBy<string | readonly string[], string | readonly string[]>((written) =>
    Array.isArray(written) ? z.array(one).min(1) : one,
  );
}

const row = z.strictObject({
  mac: oneOrMore(
    text.refine(
      (written) => ['mac', 'pattern'].includes(parseSelector(written)?.kind ?? ''),
      'expected a MAC address such as 52:54:00:12:34:56, or a pattern such as 52:54:00:*',
    ),
  ).optional(),
  address: oneOrMore(
    text.refine(
      (written) => (parseAddress(written) ?? parseInterfaceAddress(written) ?? parseNetwork(written)) !== undefined,
      'expected an IP address or a network (192.168.7.0/24)',
    ),
  ).optional(),
  uuid: text.refine((written) => parseSelector(`uuid:${written}`) !== undefined, 'expected a UUID').optional(),
  serial: text.refine((written) => !isRoundedNumber(written), 'expected a serial number').optional(),
  match: selector.optional(),
  ...host.shape,
});

/** Keys of a row other than its selectors. */
export const rowKeys = Object.keys(row.shape);
/** Selectors, of which each row needs at least one. */
export const selectorKeys = ['mac', 'address', 'uuid', 'serial', 'match'] as const;

export const rowSchema: z.ZodType<HostRow> = row.refine((written) => selectorKeys.some((key) => written[key] !== undefined), {
  error: 'does not identify a machine',
  params: { hint: `it has none of ${selectorKeys.join(', ')}` },
});

/** A data file without rows of a table. */
export const dataSchema: z.ZodType<{
  readonly hosts?: readonly HostRow[] | Readonly<Record<string, HostEntry>> | undefined;
  readonly groups?: Readonly<Record<string, GroupEntry>> | undefined;
}> = checkedBy((written) =>
  z.strictObject({
    hosts: (Array.isArray((written as { hosts?: unknown } | null)?.hosts) ? z.array(rowSchema) : hosts).optional(),
    groups: groups.optional(),
  }),
);
