/**
 * The header of a table: the meaning of each column. Knows the headers that people and inventory programs write.
 */
import type { Issue } from 'pxe';
import { firmwares, nearest, parseAddress, parseMac } from 'pxe/kit';
import { type Columns, type HostRow, rowKeys, selectorKeys } from './options.ts';

/** The key that a cell sets: one of the row, or one in its `files`, `variables` or `boot`. */
export type Target =
  | { readonly key: Exclude<keyof HostRow, 'boot'>; readonly name?: never }
  | { readonly key: 'files' | 'variables' | 'boot'; readonly name: string };

export interface Column {
  /** The header as written; `''` for a column without one. */
  readonly header: string;
  /** Counts from 0. */
  readonly index: number;
  /** Empty for an ignored column; two keys for a column that is also a variable of its name. */
  readonly targets: readonly Target[];
}

/**
 * Synonyms of each key, reduced to lower-case letters and digits: `MAC Address` (inventories), `ClientId` (Windows' DHCP server),
 * `Primary IPv4` (NetBox), `hw-address` (Kea), and German and French words. A column with the key's own name takes precedence.
 */
const otherHeaders = {
  mac: `macs macaddress macaddresses macaddr macadresse adressemac hwaddr hwaddress hwmac hardwareaddress hardwareethernet physicaladdress
    ethernetaddress ethaddr etheraddr linklayeraddress lladdr clientid clientmac bootmac pxemac nicmac primarymac primarymacaddress`,
  address: `ip ips ipaddress ipaddresses ipaddr ipadresse adresseip ip4 ip6 ipv4 ipv6 ipv4address ipv6address ipv4addr ipv6addr ip4address
    ip6address primaryip primaryip4 primaryip6 primaryipv4 primaryipv6 fixedaddress hostip ansiblehost`,
  uuid: 'smbiosuuid systemuuid biosuuid productuuid machineuuid',
  serial: 'serialnumber serialno serialnr sn seriennummer',
  name: `hostname host fqdn dnsname machine machinename computername devicename device servername server vmname rechnername
    nomdhote`,
  groups: 'group hostgroup hostgroups',
} as const;

type KnownKey = keyof typeof otherHeaders;

const keyOfHeader = new Map(
  Object.entries(otherHeaders).flatMap(([key, headers]) =>
    headers.split(/\s+/).map((header) => [header, key as KnownKey] as const),
  ),
);

/** Keys that a machine may have several of, each in its own column. */
const several: readonly string[] = ['mac', 'address'];

const columnKeys = rowKeys.filter((key) => key !== 'files' && key !== 'variables');
/** A column named just `boot` applies to each firmware without a column of its own. */
const bootNames: readonly string[] = [...firmwares, 'default'];

/** @param mapping the config's meaning of headers */
export function readHeader(cells: readonly string[], mapping: Columns = {}): readonly Column[] {
  const mapped = new Map(Object.entries(mapping).map(([header, target]) => [header.trim().toLowerCase(), target]));
  const given = cells.map((header) => {
    const meant = mapped.get(header.toLowerCase());
    return meant === undefined ? exactTargets(header) : meant === false ? [] : exactTargets(meant);
  });
  const taken = new Set(given.flatMap((targets) => targets?.map(({ key }) => key) ?? []));
  return cells.map((header, index) => {
    const targets = given[index];
    if (targets !== undefined) return { header, index, targets };
    const variable = { key: 'variables', name: header } as const;
    const key = knownKey(folded(header));
    if (key === undefined || (taken.has(key) && !several.includes(key))) return { header, index, targets: [variable] };
    taken.add(key);
    // Templates may use the column by its own name.
    return { header, index, targets: [{ key }, variable] };
  });
}

function knownKey(header: string): KnownKey | undefined {
  const known = keyOfHeader.get(header);
  if (known !== undefined) return known;
  // MAC 1, MAC 2
  const bare = header.replace(/\d+$/, '');
  const numbered = keyOfHeader.get(bare) ?? several.find((key) => key === bare);
  return numbered !== undefined && several.includes(numbered) ? (numbered as KnownKey) : undefined;
}

/** `undefined` if docs/guide.md does not list the header. */
function exactTargets(header: string): readonly Target[] | undefined {
  if (header === '') return [];
  const [, file] = /^file:(.+)$/i.exec(header) ?? [];
  if (file !== undefined) return [{ key: 'files', name: file }];
  const [, firmware = header.toLowerCase() === 'boot' ? 'default' : undefined] = /^boot:(.+)$/i.exec(header) ?? [];
  if (firmware !== undefined) return [{ key: 'boot', name: firmware.toLowerCase() }];
  const [, variable] = /^var\.(.+)$/i.exec(header) ?? [];
  if (variable !== undefined) return [{ key: 'variables', name: variable }];
  const key = columnKeys.find((known) => known === header.toLowerCase());
  return key === undefined ? undefined : [{ key: key as Exclude<keyof HostRow, 'boot'> }];
}

function folded(header: string): string {
  return header.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}

/** Whether a column identifies the machine of a row. */
export function saysWhich(columns: readonly Column[]): boolean {
  return columns.some(({ targets }) => targets.some(({ key }) => (selectorKeys as readonly string[]).includes(key)));
}

/** An error of a header, without its place. */
export function headerIssues(columns: readonly Column[]): Issue[] {
  const issues: Issue[] = [];
  const seen = new Set<string>();
  for (const { header, targets } of columns) {
    for (const { key, name } of targets.slice(0, 1)) {
      const said = JSON.stringify(several.includes(key) ? [key, folded(header)] : [key, name]);
      if (seen.has(said))
        issues.push({ path: [], message: `column ${JSON.stringify(header)} appears twice`, hint: 'remove one of them' });
      seen.add(said);
    }
    const [target] = targets;
    if (target?.key === 'boot' && !bootNames.includes(target.name)) {
      const near = nearest(target.name, bootNames);
      const hint = near === undefined ? `there are: ${bootNames.join(', ')}` : `did you mean "boot:${near}"?`;
      issues.push({ path: [], message: `column ${JSON.stringify(header)} is for an unknown firmware`, hint });
    }
    const near = misspelt(header, targets);
    if (near !== undefined)
      issues.push({
        path: [],
        message: `unknown column ${JSON.stringify(header)}`,
        hint: `did you mean ${JSON.stringify(near)}? for a variable write "var.${header}", for anything else use the option \`columns\``,
      });
  }
  return issues;
}

function misspelt(header: string, targets: readonly Target[]): string | undefined {
  // Any two short words are similar.
  const variable = targets.length === 1 && targets[0]!.key === 'variables' && targets[0]!.name === header;
  if (!variable || header.length <= 4) return undefined;
  return nearest(
    header,
    columnKeys.filter((known) => known.length > 4),
  );
}

/** Explains, from the lines near the presumed header, why no column identifies the machine. */
export function headerHint(
  header: { readonly cells: readonly string[]; readonly line: number },
  comments: readonly { readonly cells: readonly string[]; readonly line: number }[],
  below: readonly { readonly cells: readonly string[]; readonly line: number }[],
): string {
  const isHeader = ({ cells }: { readonly cells: readonly string[] }) => cells.length > 1 && saysWhich(readHeader(cells));
  const comment = comments.find(isHeader);
  if (comment) return `line ${comment.line} looks like the header, but its # makes it a comment: remove the #`;
  const later = below.find(isHeader);
  if (later) return `line ${later.line} looks like the header: remove the lines above it, or put # before them`;
  if (header.cells.some((cell) => (parseMac(cell) ?? parseAddress(cell)) !== undefined))
    return `line ${header.line} is already a machine: put a header above it, as in mac,name,groups,folder`;
  return `the first line must name the columns, including at least one of ${selectorKeys.join(', ')}`;
}
