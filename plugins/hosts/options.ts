/**
 * What a config, or a data file, says about machines: types, and schemas that hold it to them. Reads nothing.
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
  /** Groups whose files, folders and variables count after these, in this order. Groups may have groups. */
  readonly groups?: readonly string[] | undefined;
  /** For generated content. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  /**
   * A whole name asked for → a file under the root. Ends the search: if that file is missing, so is the name asked for.
   * A key may hold `*` (any characters but `/`), `**` (any characters) and `?` (one character); exact keys go first.
   */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** A folder under the root that is searched for the name; what it lacks is looked for further on. */
  readonly folder?: string | undefined;
}

/** What one machine, or one kind of machine, gets. */
export interface HostEntry extends GroupEntry {
  /** What it is called; left out, what selects it. */
  readonly name?: string | undefined;
}

/** A machine as a row of a table says it: what selects it stands beside what it gets. */
export interface HostRow extends HostEntry {
  /** An address or a pattern; several for a machine with several network cards. */
  readonly mac?: string | readonly string[] | undefined;
  /**
   * An address, alone or with the prefix length of its network, or a network; or several of them. Where `mac` is given, too, it
   * counts only for a client whose MAC address is not known.
   */
  readonly address?: string | readonly string[] | undefined;
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
  /** Anything that selects machines: `name:pxelinux.cfg/*`. */
  readonly match?: string | undefined;
}

export interface HostsOptions {
  /** What selects machines → what they get. */
  readonly hosts?: Readonly<Record<string, HostEntry>> | undefined;
  readonly groups?: Readonly<Record<string, GroupEntry>> | undefined;
  /** JSON, YAML or CSV with more of both; relative to the config, and watched. */
  readonly file?: string | readonly string[] | undefined;
  /** Headers of a table → what that column is: `{ 'NIC 1': 'mac', Loader: 'file:boot.efi' }`; `false` for a column that says nothing. */
  readonly columns?: Columns | undefined;
  /** Sources that a MAC address, UUID or serial number must be known from to count: `table`, `leases`, …. Default: all. */
  readonly trust?: readonly string[] | undefined;
  /**
   * What machines get that nothing selects: the root directory (`serve`, the default), ERROR 2 and no offer (`refuse`), or only what
   * stands here.
   */
  readonly unknown?: 'serve' | 'refuse' | Pick<GroupEntry, 'files' | 'folder' | 'boot' | 'layout'> | undefined;
}

/** Headers of a table, upper and lower case aside, by what stands below them. */
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

/** The hosts alone, or an object that holds them. */
export function isLong(written: unknown): written is HostsOptions {
  if (typeof written !== 'object' || written === null) return false;
  return Object.keys(written).some(
    (key) => longKeys.includes(key) || (parseSelector(key) === undefined && nearest(key, longKeys) !== undefined),
  );
}

/** The short form, or the long one. */
export type Written = Readonly<Record<string, HostEntry>> | HostsOptions;

/** @param more what cannot be told by one entry alone */
export function hostsSchema(more: (value: Written) => readonly Issue[]): z.ZodType<Written, Written> {
  return checkedBy<Written, Written>((written) => (isLong(written) ? long : hosts), more);
}

const text = z.string().min(1);

/** `5.254E+11`: what a spreadsheet makes of a long number. `1e15` alone is hexadecimal. */
export function isRoundedNumber(written: string): boolean {
  return /^\d+([.,]\d*)?e\+\d+$|^\d+[.,]\d*e\d+$/i.test(written);
}

/** One, or a list. */
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

/** What a row says about machines, beside which ones. */
export const rowKeys = Object.keys(row.shape);
/** Of these a row has one at least. */
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
