/**
 * What each format says of each address. The samples began as what dnsmasq 2.90, ISC dhcpd 4.4.3 and Kea 2.2 wrote for busybox and
 * dhclient in network namespaces; what these did not bring about was added after the formats' documentation (see the readers), and
 * the ends were cut in mid-line. udhcpd's is what BusyBox 1.35 wrote, and more; systemd-networkd's, libvirt's and odhcpd's follow their sources.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseAddress } from 'pxe/kit';
import { describe, expect, test } from 'vitest';
import { detect, type FormatName, formats } from '../../../plugins/leases/formats.ts';
import { type Lease, macInDuid } from '../../../plugins/leases/lease.ts';
import { leaseFile, samples, scratch } from './support.ts';

const now = Date.UTC(2026, 10, 24, 10, 34, 30);
const mac = (last: string) => `52:54:00:12:34:${last}`;

interface Row {
  readonly address: string;
  /** `01 76s`: the last octet of the MAC address that has it, and the age; nothing where nobody has it. */
  readonly is: string | undefined;
  readonly why: string;
}

const row = (address: string, is: string | undefined, why: string): Row => ({ address, is, why });
const v4 = (last: number, is: string | undefined, why: string) => row(`192.168.7.${last}`, is, why);
const v6 = (last: string, is: string | undefined, why: string) => row(`fd00:7::${last}`, is, why);

const tables: Readonly<Record<string, { readonly format: FormatName; readonly rows: readonly Row[] }>> = {
  'dnsmasq.leases': {
    format: 'dnsmasq',
    rows: [
      v4(73, '01', 'with a name and a client id'),
      v4(74, '02', 'without'),
      v4(75, '03', 'the first line'),
      v4(77, '07', 'without an end'),
      v4(78, undefined, 'expired'),
      v4(79, undefined, 'not Ethernet'),
      v4(80, undefined, 'never leased'),
      v6('6a', '02', 'DUID-LL'),
      v6('71', '03', 'DUID-LLT'),
      v6('72', '04', 'a temporary address'),
      v6('73', undefined, 'DUID-UUID holds no MAC address'),
      v6('74', undefined, 'expired'),
      v6('75', undefined, 'half-written'),
    ],
  },
  'dhcpd.leases': {
    format: 'dhcpd',
    rows: [
      v4(50, '01 76s', 'active; a brace in the host name; half-written anew at the end'),
      v4(51, undefined, 'active, then free, then abandoned'),
      v4(52, '04 25s', 'released, then leased to another machine'),
      v4(53, undefined, "the failover partner's"),
      v4(54, '07 270s', 'BOOTP; seconds since the epoch; without an end; a statement within text'),
      v4(55, '05', 'a host that was made through OMAPI'),
      v4(60, '20', 'a host of two addresses, the first'),
      v4(61, '20', '… and the second'),
      v4(62, undefined, 'a host that was deleted'),
      v4(63, undefined, 'a host that has another address now'),
      v4(64, '22', '… which is this one'),
      v4(65, undefined, 'a host by its client identifier'),
      v4(66, '24', 'a host whose address another machine had for a while'),
      v4(99, undefined, 'a brace within text'),
      v4(56, undefined, 'not Ethernet'),
      v4(57, undefined, 'expired, and not marked so yet'),
      v4(58, '0a 10s', 'all on one line'),
    ],
  },
  'dhcpd6.leases': {
    format: 'dhcpd',
    rows: [
      v6('58', '01 174s', 'DUID-LL; half-written anew at the end'),
      v6('59', undefined, 'released'),
      v6('55', '03 170s', 'DUID-LLT'),
      v6('54', undefined, 'DUID-UUID holds no MAC address'),
      v6('56', '06 150s', 'lease-id-format hex; an association of two addresses'),
      v6('57', undefined, 'abandoned'),
      v6('5a', '52:54:00:5c:22:07 140s', 'a temporary address; quotes and a backslash in the DUID'),
      row('fd00:8::', undefined, 'a delegated prefix'),
    ],
  },
  'kea-leases4.csv': {
    format: 'kea',
    rows: [
      v4(50, '01 37s', 'half-written anew at the end'),
      v4(51, '02 37s', 'without a client id'),
      v4(52, '05 20s', 'deleted, then leased to another machine; commas in values'),
      v4(53, '04 37s', 'assigned'),
      v4(54, undefined, 'declined'),
      v4(55, undefined, 'expired, not reclaimed yet'),
      v4(56, undefined, 'expired and reclaimed'),
      v4(57, '08', 'for ever'),
      v4(58, undefined, 'only a client id is known'),
      v4(59, undefined, 'released (Kea 3)'),
    ],
  },
  'kea-leases6.csv': {
    format: 'kea',
    rows: [
      v6('50', '01', 'half-written anew at the end'),
      v6('51', undefined, 'released: written with a lifetime of 0'),
      v6('52', '03', 'with a hardware address'),
      v6('54', '04', 'the hardware address is that in the DUID'),
      v6('55', undefined, 'DUID-UUID holds no MAC address'),
      v6('57', undefined, 'expired and reclaimed'),
      v6('58', undefined, 'declined'),
      v6('59', '09', 'registered'),
      row('fd00:8::', undefined, 'a delegated prefix'),
    ],
  },
  'networkd-lab0': {
    format: 'networkd',
    rows: [
      v4(50, '01', 'with a name'),
      v4(51, undefined, 'expired'),
      v4(52, '03', 'without an end'),
      v4(53, undefined, 'not Ethernet'),
      v4(54, '05', 'the address as text only'),
      v4(55, undefined, 'without a time'),
    ],
  },
  'networkd-v256': {
    format: 'networkd',
    rows: [
      v4(50, '01', 'the client identifier is that of Ethernet'),
      v4(51, undefined, 'a DUID of an enterprise'),
      v4(52, undefined, 'not six octets'),
      v4(53, undefined, 'not of Ethernet'),
      v4(54, undefined, 'expired'),
    ],
  },
  'networkd-v257': {
    format: 'networkd',
    rows: [
      v4(50, '01', 'six of 16 octets count'),
      v4(51, '02', 'the client identifier says something else'),
      v4(52, '03', 'no hardware address, but a client identifier'),
      v4(53, undefined, 'not Ethernet'),
      v4(54, undefined, 'eight octets are not a MAC address'),
    ],
  },
  'dnsmasq-no-clock.leases': {
    format: 'dnsmasq',
    rows: [
      v4(50, '01', 'twelve hours'),
      v4(51, '02', 'an hour'),
      v4(52, '03', 'for ever'),
      v4(53, '04', '0 is for ever'),
      v4(54, '05', 'the last second of a length'),
      v4(55, undefined, 'the first second of a date, long ago'),
      v4(56, undefined, 'not Ethernet'),
      v4(57, '08', 'no column for the client identifier'),
      v4(58, undefined, 'not a number'),
      v6('50', '0a', 'DHCPv6'),
    ],
  },
  'virbr0.status': {
    format: 'libvirt',
    rows: [
      v4(50, '01', 'with all keys'),
      v4(51, undefined, 'expired'),
      v4(52, '03', 'without an end'),
      v4(53, undefined, 'no hardware address'),
      v4(54, undefined, 'without a time'),
      v6('50', '04', 'DHCPv6'),
    ],
  },
  'odhcpd.leases': {
    format: 'odhcpd',
    rows: [
      v4(50, '01', 'after the line of a hosts file'),
      v4(51, '02', 'octets parted by colons, without leading zeros; a name that is refused'),
      v4(52, '03', 'without an end'),
      v4(53, undefined, 'over'),
      v4(54, undefined, 'expired'),
      v6('50', '06', 'the first of two addresses'),
      row('2001:db8::50', '06', 'the second'),
      row('fd00:8::', undefined, 'a delegated prefix'),
      v6('51', undefined, 'DUID-UUID holds no MAC address'),
      v6('52', undefined, 'over, without addresses'),
    ],
  },
  'udhcpd.leases': {
    format: 'udhcpd',
    rows: [
      v4(50, '57', 'without a name'),
      v4(60, '56', 'with a name'),
      v4(51, undefined, 'nothing of it was left'),
      v4(52, undefined, 'five minutes were left, ten minutes ago'),
      v4(53, undefined, 'declined'),
      v4(54, undefined, 'declined, in older versions'),
    ],
  },
  'udhcpd-no-clock.leases': {
    format: 'udhcpd',
    rows: [v4(50, '01', 'written 95 s after 1970 began'), v4(51, undefined, 'nothing of it was left')],
  },
};

describe.each(Object.entries(tables))('%s', (name, { format, rows }) => {
  test('is told by its beginning', async () => {
    expect(detect(await readFile(join(samples, name), 'latin1'))).toBe(formats[format]);
  });

  test.each(rows)('$address: $why', async ({ address, is }) => {
    const { file, said } = leaseFile(join(samples, name), undefined, () => now);
    expect(await file.problem()).toBeUndefined();
    const [whose, age] = is?.split(' ') ?? [];
    const expected = whose === undefined ? undefined : whose.length === 2 ? mac(whose) : whose;
    const holder = file.holder(parseAddress(address)!.text, now);
    expect(holder?.mac).toBe(expected);
    if (age !== undefined) expect(holder?.ageMs).toBe(Number.parseInt(age, 10) * 1000);
    expect(said()).toEqual([]);
  });
});

test.each([
  ['', 'none'],
  ['\n\n# comment\n', 'none'],
  ['179551', 'none'],
  ['hello world\n', 'unknown'],
  ['%PDF-1.7\n', 'unknown'],
  ['# The format of this file is documented in the dhcpd.leases(5) manual page.\n\nlease 10.0.0.1 {\n', 'dhcpd'],
  ['1795520110 aa:bb:cc:dd:ee:ff 10.0.0.1 * *\n', 'dnsmasq'],
  ['duid 00:01:00:01:32:98:24:dc:16:c7:b1:93:cb:69\n', 'dnsmasq'],
  ['address,hwaddr,client_id,valid_lifetime,expire\n', 'kea'],
  ['\u00ef\u00bb\u00bf0 52:54:00:12:34:56 10.0.0.1 * *\r\n', 'dnsmasq'],
  ['{"Leases":[]}', 'networkd'],
  ['{\n  "Leases": []\n}\n', 'networkd'],
  ['[]', 'libvirt'],
  ['[\n', 'libvirt'],
  ['# br-lan 525400123456 ipv4 web1 4102444800 32 32 192.168.7.50/32\n', 'odhcpd'],
  ['10.0.0.1\tweb1\n# br-lan 525400123456 ipv4 web1 4102444800 32 32 10.0.0.1/32\n', 'odhcpd'],
  ['10.0.0.1\tweb1\n', 'none'],
  ['10.0.0.1 web1\n', 'unknown'],
  ['\0\0\0\0\x6b\x0d\xd8\xcb', 'udhcpd'],
  ['\x7fELF\0\0\0\0', 'none'],
  ['x'.repeat(4096), 'unknown'],
  ['# This is private data. Do not parse.\nADDRESS=192.168.7.50\n', 'unknown'],
  ['\u00ff\u00fe0\0 \0\n', 'unknown'],
])('%j is of the format %s', (head, expected) => {
  const found = detect(head);
  expect(typeof found === 'string' ? found : found.name).toBe(expected);
});

test.each([
  ['00:03:00:01:52:54:00:12:34:56', mac('56')],
  ['0001000132982405525400123456', mac('56')],
  ['00:03:00:06:52:54:00:12:34:56', undefined],
  ['00:03:00:01:52:54:00:12:34', undefined],
  ['00:02:00:00:ab:11:52:54:00:12:34:56', undefined],
  ['00:04:4c:4c:45:44:00:44:4a:10:80:36:52:54:00:12:34:56', undefined],
  ['00:03:00:01:01:00:5e:00:00:01', undefined],
  ['', undefined],
])('the DUID %s holds %s', (duid, expected) => {
  expect(macInDuid(duid)).toBe(expected);
});

describe.each(Object.entries(tables).filter(([, { format }]) => format !== 'udhcpd'))('%s as Windows writes it', (name, {
  rows,
}) => {
  test('says the same with CRLF at each end of a line, behind a byte order mark', async () => {
    await using folder = await scratch();
    const path = join(folder.path, name);
    const text = await readFile(join(samples, name), 'latin1');
    await writeFile(path, `\u00ef\u00bb\u00bf${text.replaceAll('\n', '\r\n')}`, 'latin1');
    const [asItIs, converted] = [join(samples, name), path].map((file) => leaseFile(file, undefined, () => now).file);
    expect([await asItIs!.problem(), await converted!.problem()]).toEqual([undefined, undefined]);
    for (const { address } of rows) {
      const { text: spelt } = parseAddress(address)!;
      expect(converted!.holder(spelt, now), address).toEqual(asItIs!.holder(spelt, now));
    }
  });
});

describe('whatever the text', async () => {
  const texts = await Promise.all(Object.keys(tables).map((name) => readFile(join(samples, name), 'latin1')));

  /** Every lease that a format finds in a text. `undefined`: it is no complete file, and was refused as such. */
  function read(name: FormatName, text: string): Lease[] | undefined {
    const format = formats[name];
    if (format.kind === 'whole') {
      const found = format.parse(text);
      return typeof found === 'string' ? undefined : found;
    }
    const leases: Lease[] = [];
    const line = format.reader((lease) => leases.push(lease));
    text.split('\n').forEach(line);
    return leases;
  }

  const sample = fc.constantFrom(...texts);
  const cut = fc.tuple(sample, fc.nat(), fc.nat()).map(([text, from, to]) => text.slice(from % text.length, to % text.length));
  const spliced = fc
    .array(fc.oneof(cut, fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 6 })
    .map((parts) => parts.join(''));
  const tokens = fc
    .array(fc.constantFrom('{', '}', ';', '"', '\\', '\n', ',', ' ', 'lease', 'ia-na', 'iaaddr', 'ends', 'never', '1', '::1'), {
      maxLength: 60,
    })
    .map((parts) => parts.join(' '));

  test.each(
    Object.keys(formats) as FormatName[],
  )('the reader of %s throws nothing and finds only what is well-formed', (name) => {
    fc.assert(
      fc.property(fc.oneof(sample, cut, spliced, tokens, fc.string({ unit: 'binary' }), fc.json()), (text) => {
        for (const { address, mac: found, untilMs, sinceMs } of read(name, text) ?? []) {
          expect(parseAddress(address)?.text).toBe(address);
          if (found !== undefined) expect(found).toMatch(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
          expect(untilMs).not.toBeNaN();
          if (sinceMs !== undefined) expect(sinceMs).toBeTypeOf('number');
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    'dhcpd',
    'kea',
    'dnsmasq',
    'odhcpd',
  ] as const)('a long line costs the reader of %s no more than its length', (name) => {
    for (const text of [
      '"'.repeat(60_000),
      '\\'.repeat(60_000),
      'a '.repeat(30_000),
      `"${'\\"'.repeat(30_000)}`,
      ','.repeat(60_000),
    ]) {
      expect(read(name, text)).toEqual([]);
    }
  });
});
