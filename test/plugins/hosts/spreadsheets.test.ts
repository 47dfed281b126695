/** Tables as spreadsheets, inventories and DHCP servers write them, and neighbours of each that mean something else. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDataFile } from '../../../plugins/hosts/data-file.ts';
import type { Columns } from '../../../plugins/hosts/options.ts';
import { folderOf } from '../../config/support.ts';

async function read(text: string | Buffer, { columns, name = 't.csv' }: { columns?: Columns; name?: string } = {}) {
  const folder = folderOf({ [name]: text as string });
  const { inventory, issues } = await readDataFile(join(folder, name), columns);
  return {
    hosts: inventory.hosts.map(({ selectors, name }) => `${name}: ${selectors.join(' ')}`),
    entries: inventory.hosts.map(({ entry }) => entry),
    issues: issues.map(({ place, message, hint }) => `${place?.line}: ${message}${hint === undefined ? '' : ` (${hint})`}`),
  };
}

const web1 = ['web1: 52:54:00:12:34:56'];
const utf16 = (text: string, bigEndian = false) => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
  return bigEndian ? bytes.swap16() : bytes;
};

describe('how it is laid out', () => {
  test.each<[string, string | Buffer]>([
    ['empty columns and rows', 'mac,name,folder,,,\r\n52:54:00:12:34:56,web1,web,,,\r\n,,,,,\r\n,,,,,\r\n'],
    ['a column without a name in the middle', 'mac,,name\n52:54:00:12:34:56,,web1\n'],
    ['a separator at the ends of lines', 'mac;name;\r\n52:54:00:12:34:56;web1;\r\n'],
    ['more separators than the header has', 'mac,name\n52:54:00:12:34:56,web1,,,\n'],
    ['an empty row above the header', ',,\nmac,name,\n52:54:00:12:34:56,web1,\n'],
    ['sep=;', 'sep=;\r\nmac;name\r\n52:54:00:12:34:56;web1\r\n'],
    [
      'sep=; behind a byte order mark, in quotes',
      '\ufeff"sep=;"\r\nmac;"name, of it"\r\n52:54:00:12:34:56;web1\r\n'.replace(', of it', ''),
    ],
    ['a byte order mark', '\ufeffmac,name\r\n52:54:00:12:34:56,web1\r\n'],
    ['UTF-16 as Excel has it, with tabs', utf16('mac\tname\r\n52:54:00:12:34:56\tweb1\r\n')],
    ['UTF-16, the other way round', utf16('mac,name\n52:54:00:12:34:56,web1\n', true)],
    ['semicolons where a header has a comma', 'mac;name;"rack, room"\n52:54:00:12:34:56;web1;7\n'],
    ['bars', 'mac|name\n52:54:00:12:34:56|web1\n'],
    ['all in quotes', '"mac","name"\n"52:54:00:12:34:56","web1"\n'],
    ['texts that Excel must not make numbers of', 'mac,name\n="52:54:00:12:34:56",web1\n'],
    ['the same, in quotes', 'mac,name\n"=""52:54:00:12:34:56""",web1\n'],
    ['no-break spaces', 'mac\u00a0,name\n\u00a052:54:00:12:34:56\u00a0,web1\n'],
    ['comments, as PowerShell puts one first', '#TYPE Selected.System.Object\n"mac","name"\n"52:54:00:12:34:56","web1"\n'],
  ])('%s', async (_, text) => {
    expect(await read(text)).toMatchObject({ hosts: web1, issues: [] });
  });

  test('tabs in a .tsv', async () => {
    expect(await read('mac\tname\n52:54:00:12:34:56\tweb1\n', { name: 't.tsv' })).toMatchObject({ hosts: web1, issues: [] });
  });

  test.each([
    ['a value below no name', 'mac,,name\n52:54:00:12:34:56,7,web1\n', '2: column 2 has no name, but contains "7"'],
    ['a value beyond the last column', 'mac,name\n52:54:00:12:34:56,web1,7\n', '2: expected 2 columns as on line 1, found 3'],
    ['a row that is too short', 'mac,name,rack\n52:54:00:12:34:56,web1\n', '2: expected 3 columns as on line 1, found 2'],
    ['a row without a machine', 'mac,name\n,web1\n', '2: does not identify a machine'],
    [
      'a header behind a #',
      '# mac,name\n52:54:00:12:34:56,web1\n',
      '2: no column identifies the machine (line 1 looks like the header, but its # makes it a comment: remove the #)',
    ],
    [
      'no header',
      '52:54:00:12:34:56,web1\n',
      '1: no column identifies the machine (line 1 is already a machine: put a header above it',
    ],
    [
      'a title above the header',
      'Room 12,\nmac,name\n52:54:00:12:34:56,web1\n',
      '1: no column identifies the machine (line 2 looks like the header: remove the lines above it',
    ],
    [
      'a comment that is none',
      '# machines, of room 12\nfoo,name\n52:54:00:12:34:56,web1\n',
      '2: no column identifies the machine (the first line must name the columns',
    ],
    ['Latin-1', Buffer.from('mac,name\n52:54:00:12:34:56,B\xfcro\n', 'latin1'), '1: is not in UTF-8'],
  ])('%s', async (_, text, told) => {
    const { issues } = await read(text);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(told);
  });
});

describe('what columns are called', () => {
  const windows =
    '"IPAddress","ScopeId","AddressState","ClientId","HostName"\n"192.168.7.50","192.168.7.0","Active","52-54-00-12-34-56","web1"\n';
  test.each<[string, string, readonly string[]]>([
    ['an inventory', 'Name,MAC Address,Folder\nweb1,52:54:00:12:34:56,web\n', web1],
    ['NetBox', 'Name,Primary IPv4,Primary IPv6\nweb1,192.168.7.50/24,2001:db8::50/64\n', ['web1: 192.168.7.50 2001:db8::50']],
    ['Windows DHCP', windows, ['web1: 52:54:00:12:34:56 192.168.7.50'.replace('52:54:00:12:34:56', '52-54-00-12-34-56')]],
    ['Kea', 'hw-address,ip-address,hostname\n52:54:00:12:34:56,192.168.7.50,web1\n', ['web1: 52:54:00:12:34:56 192.168.7.50']],
    ['phpIPAM', 'ip_addr,hostname,mac\n192.168.7.50,web1,52:54:00:12:34:56\n', ['web1: 52:54:00:12:34:56 192.168.7.50']],
    [
      'German',
      'Rechnername;MAC-Adresse;IP-Adresse\nweb1;52:54:00:12:34:56;192.168.7.50\n',
      ['web1: 52:54:00:12:34:56 192.168.7.50'],
    ],
    [
      'numbered cards',
      'Hostname,MAC 1,MAC 2\nweb1,52:54:00:12:34:56,52:54:00:12:34:57\n',
      ['web1: 52:54:00:12:34:56 52:54:00:12:34:57'],
    ],
    ['a serial number', 'Serial No.,Host\nabcd,web1\n', ['web1: serial:abcd']],
    // Neighbours.
    ['the name has a column of its own', 'mac,name,Hostname\n52:54:00:12:34:56,web1,h\n', web1],
    ['a board controller is not the machine', 'mac,name,BMC MAC\n52:54:00:12:34:56,web1,52:54:00:12:34:57\n', web1],
    ['a variable by its prefix', 'mac,name,var.ip\n52:54:00:12:34:56,web1,192.168.7.50\n', web1],
  ])('%s', async (_, text, hosts) => {
    expect(await read(text)).toMatchObject({ hosts, issues: [] });
  });

  test('a column known by another name stays a variable, for templates', async () => {
    const { entries } = await read('mac,Hostname,Site,role\n52:54:00:12:34:56,web1,Bonn,db\n');
    expect(entries[0]).toMatchObject({ name: 'web1', variables: { Hostname: 'web1', Site: 'Bonn', role: 'db' } });
  });

  test('`columns` says what a header means, and goes first', async () => {
    const columns = {
      'NIC 1': 'mac',
      'nic 2': 'mac',
      loader: 'file:boot.efi',
      Site: 'var.site',
      Hostname: false,
      label: 'name',
    } as const;
    const text = 'NIC 1,NIC 2,Loader,Site,Hostname,Label\n52:54:00:12:34:56,52:54:00:12:34:57,a.efi,Bonn,h,web1\n';
    const { hosts, entries, issues } = await read(text, { columns });
    expect([hosts, issues]).toEqual([['web1: 52:54:00:12:34:56 52:54:00:12:34:57'], []]);
    expect(entries[0]).toMatchObject({ files: { 'boot.efi': 'a.efi' }, variables: { site: 'Bonn' } });
    expect(entries[0]!.variables).not.toHaveProperty('Hostname');
  });
});

describe('cells', () => {
  const macs = ['52:54:00:12:34:56', '52:54:00:12:34:57'];
  test.each([
    ['a bar', macs.join('|')],
    ['a comma', `"${macs.join(', ')}"`],
    ['a blank', macs.join(' ')],
    ['a semicolon', macs.join('; ')],
    ['lines', `"${macs.join('\n')}"`],
  ])('two MAC addresses parted by %s', async (_, cell) => {
    expect(await read(`mac,name\n${cell},web1\n`)).toMatchObject({ hosts: [`web1: ${macs.join(' ')}`], issues: [] });
  });

  test.each([
    ['525400-123456', ['web1: 525400-123456']],
    ['5254.0012.3456', ['web1: 5254.0012.3456']],
    ['52 54 00 12 34 56', ['web1: 52 54 00 12 34 56']],
    ['52 54 00 12 34 56;52 54 00 12 34 57', ['web1: 52 54 00 12 34 56 52 54 00 12 34 57']],
    ['52:54:00:*', ['web1: 52:54:00:*']],
  ])('a MAC address as %s', async (cell, hosts) => {
    expect(await read(`mac,name\n${cell},web1\n`)).toMatchObject({ hosts, issues: [] });
  });

  test.each(['-', '–', 'n/a', 'N/A', 'none'])('%s where a machine has no MAC address', async (cell) => {
    expect(await read(`mac,ip,name\n${cell},192.168.7.50,web1\n`)).toMatchObject({ hosts: ['web1: 192.168.7.50'], issues: [] });
  });

  test.each([
    ['5.254E+11', 'a spreadsheet has turned it into a number'],
    ['"5,254E+11"', 'a spreadsheet has turned it into a number'],
    ['1122334455', 'a spreadsheet has turned it into a number'],
    ['52:54:00:12:34:5g', 'expected a MAC address'],
    ['52:54:00:12:34:56|x', 'found "x"'],
    ['01-52-54-00-12-34-56', 'expected a MAC address'],
    ['b1c65f1a-2b5d-4f0e-9c55-0123456789ab', 'expected a MAC address'],
  ])('%s is not one', async (cell, told) => {
    const { issues } = await read(`mac,name\n${cell},web1\n`);
    expect(issues.join()).toContain('2: column "mac": expected a MAC address');
    expect(issues.join()).toContain(told);
  });

  test.each(['1E+15', '1.00E+15', '"1,00E+15"'])('%s is not a serial number', async (cell) => {
    const { issues } = await read(`serial,name\n${cell},pi1\n`);
    expect(issues).toEqual([expect.stringContaining('2: column "serial": expected a serial number')]);
    expect(issues.join()).toContain('a spreadsheet has turned it into a number');
  });

  test.each(['1e15', '10000000abcd1234', '7XK2E10', '12345678'])('%s may be a serial number', async (cell) => {
    expect(await read(`serial,name\n${cell},pi1\n`)).toMatchObject({ hosts: [`pi1: serial:${cell}`], issues: [] });
  });

  test.each([
    ['192.168.7.50/24', '192.168.7.50'],
    ['192.168.7.50/32', '192.168.7.50'],
    ['2001:db8::50/64', '2001:db8::50'],
    ['192.168.7.0/24', '192.168.7.0/24'],
    ['192.168.7.50', '192.168.7.50'],
  ])('the address %s is %s', async (cell, selector) => {
    expect(await read(`address,name\n${cell},web1\n`)).toMatchObject({ hosts: [`web1: ${selector}`], issues: [] });
  });

  test('in `match` it could be either', async () => {
    const { issues } = await read('match,name\n192.168.7.50/24,web1\n');
    expect(issues).toEqual([expect.stringContaining('write 192.168.7.50 for that machine, or 192.168.7.0/24 for its network')]);
  });
});

describe('what a machine boots', () => {
  test('a column for all firmware, and one for each', async () => {
    const { entries, issues } = await read(
      'mac,boot,boot:ipxe,Boot:UEFI-ARM64,layout\n52:54:00:12:34:56,ipxe.efi,web.ipxe,false,binl\n52:54:00:12:34:57,disk,,-,\n',
    );
    expect(issues).toEqual([]);
    expect(entries).toMatchObject([
      { boot: { default: 'ipxe.efi', ipxe: 'web.ipxe', 'uefi-arm64': false }, layout: 'binl' },
      { boot: { default: 'disk' } },
    ]);
    expect(entries[1]).not.toHaveProperty('layout');
  });

  test.each([
    [
      'mac,boot:uefi-x46\n52:54:00:12:34:56,a\n',
      '1: column "boot:uefi-x46" is for an unknown firmware (did you mean "boot:uefi-x64"?)',
    ],
    [
      'mac,boot:bios\n52:54:00:12:34:56,../a\n',
      '2: column "boot:bios": expected a file under the root, without .., found "../a"',
    ],
    [
      'mac,layout\n52:54:00:12:34:56,menue\n',
      '2: column "layout": expected "direct", "binl" or "menu", found "menue" (did you mean "menu"?)',
    ],
    ['mac,boot,boot:default\n52:54:00:12:34:56,a,b\n', '1: column "boot:default" appears twice (remove one of them)'],
  ])('%j', async (text, issue) => {
    expect((await read(text)).issues).toContain(issue);
  });
});
