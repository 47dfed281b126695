/** A lease file on disk while its server writes it. */
import { appendFile, mkdir, open, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FormatName, formats } from '../../../plugins/leases/formats.ts';
import { leaseFile, scratch } from './support.ts';

const end = Math.floor(Date.now() / 1000) + 3600;
const mac = (last: number) => `52:54:00:00:00:${last.toString(16).padStart(2, '0')}`;
const address = (last: number) => `10.0.0.${last}`;

const dnsmasq = (host: number, owner = host) => `${end} ${mac(owner)} ${address(host)} * *\n`;
const kea = (host: number, owner = host, lifetime = 3600) => `${address(host)},${mac(owner)},,${lifetime},${end},1,0,0,,0,\n`;
const keaHeader = 'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n';
const dhcpd = (host: number, owner = host, state = 'active') =>
  `lease ${address(host)} {\n  ends epoch ${end};\n  binding state ${state};\n  hardware ethernet ${mac(owner)};\n}\n`;

describe('a change counts at the next question', () => {
  test.each([
    ['dnsmasq', dnsmasq, ''],
    ['kea', kea, keaHeader],
    ['dhcpd', dhcpd, ''],
  ] as const)('%s: a lease is added, changes hands and is gone', async (format, entry, head) => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, head + entry(1));
    const one = leaseFile(path);
    expect([await one.mac(address(1)), await one.mac(address(2))]).toEqual([mac(1), undefined]);
    await appendFile(path, entry(2));
    expect([await one.mac(address(1)), await one.mac(address(2))]).toEqual([mac(1), mac(2)]);
    await appendFile(path, entry(1, 9));
    expect(await one.mac(address(1))).toBe(mac(9));
    if (format === 'kea') await appendFile(path, kea(1, 9, 0));
    else if (format === 'dhcpd') await appendFile(path, dhcpd(1, 9, 'free'));
    else await writeFile(path, dnsmasq(2));
    expect([await one.mac(address(1)), await one.mac(address(2))]).toEqual([undefined, mac(2)]);
    expect(one.said()).toEqual([]);
  });

  test('a question that is asked while the file is being read gets what was written before it', async () => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, keaHeader);
    const one = leaseFile(path);
    const early = one.mac(address(1));
    await appendFile(path, kea(1));
    const late = await Promise.all([one.mac(address(1)), one.mac(address(1))]);
    expect(late).toEqual([mac(1), mac(1)]);
    await early;
  });

  test('rewritten in place with the same size within a tick of the clock', async () => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    const one = leaseFile(path);
    for (let owner = 1; owner <= 20; owner++) {
      await writeFile(path, dnsmasq(1, owner));
      expect(await one.mac(address(1))).toBe(mac(owner));
    }
  });
});

describe('a last line that is not complete', () => {
  test.each([
    ['kea', keaHeader + kea(1), kea(1, 7)],
    ['dhcpd', dhcpd(1), dhcpd(1, 7)],
  ])('%s: byte by byte, nothing changes before the last', async (_, before, entry) => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, before);
    const one = leaseFile(path);
    for (const [index, byte] of [...entry].entries()) {
      await appendFile(path, byte);
      expect(await one.mac(address(1)), `after ${index + 1} bytes`).toBe(mac(index + 1 === entry.length ? 7 : 1));
    }
  });

  test('in pieces of any size the outcome is that of the whole', async () => {
    await using folder = await scratch();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('kea', 'dhcpd'),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 250 })), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }),
        async (format, entries, cuts) => {
          const text =
            (format === 'kea' ? keaHeader : '') +
            entries.map(([host, owner]) => (format === 'kea' ? kea : dhcpd)(host, owner)).join('');
          const path = join(folder.path, `${++run}`);
          await writeFile(path, '');
          const grown = leaseFile(path);
          let rest = text;
          for (const cut of cuts) {
            await appendFile(path, rest.slice(0, cut));
            await grown.file.problem();
            rest = rest.slice(cut);
          }
          await appendFile(path, rest);
          const expected = new Map(entries.map(([host, owner]) => [host, mac(owner)]));
          for (const host of [1, 2, 3, 4]) expect(await grown.mac(address(host))).toBe(expected.get(host));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a file that is replaced', () => {
  test.each([
    ['dhcpd', dhcpd, ''],
    ['kea', kea, keaHeader],
  ] as const)('%s: by rename, also by a longer one', async (_, entry, head) => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, head + entry(1) + entry(2));
    const one = leaseFile(path);
    expect(await one.mac(address(2))).toBe(mac(2));
    await writeFile(`${path}.new`, head + entry(3) + entry(4) + entry(5));
    await rename(`${path}.new`, path);
    expect(await Promise.all([1, 2, 3, 4, 5].map((host) => one.mac(address(host))))).toEqual([
      undefined,
      undefined,
      mac(3),
      mac(4),
      mac(5),
    ]);
  });

  test('in place: truncated, and grown past where reading stood', async () => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, dhcpd(1));
    const one = leaseFile(path);
    expect(await one.mac(address(1))).toBe(mac(1));
    await truncate(path);
    expect(await one.mac(address(1))).toBeUndefined();
    await appendFile(path, dhcpd(2));
    expect(await one.mac(address(2))).toBe(mac(2));
    await writeFile(path, dhcpd(3) + dhcpd(4));
    expect(await Promise.all([2, 3, 4].map((host) => one.mac(address(host))))).toEqual([undefined, mac(3), mac(4)]);
  });

  test('by another format', async () => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, keaHeader + kea(1));
    await writeFile(`${path}.2`, keaHeader + kea(2));
    const one = leaseFile(path);
    expect([await one.mac(address(1)), await one.mac(address(2))]).toEqual([mac(1), mac(2)]);
    await writeFile(path, dnsmasq(3));
    expect(await Promise.all([1, 2, 3].map((host) => one.mac(address(host))))).toEqual([undefined, undefined, mac(3)]);
  });
});

test("Kea's clean-up: no lease is missed while entries wander, and what is newer counts", async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'kea-leases4.csv');
  const one = leaseFile(path);
  const all = async () => Promise.all([1, 2, 3].map((host) => one.mac(address(host))));
  await writeFile(path, keaHeader + kea(1) + kea(2));
  expect(await all()).toEqual([mac(1), mac(2), undefined]);
  await rename(path, `${path}.1`);
  expect(await all()).toEqual([mac(1), mac(2), undefined]);
  await writeFile(path, keaHeader + kea(2, 2, 0) + kea(3));
  expect(await all()).toEqual([mac(1), undefined, mac(3)]);
  await writeFile(`${path}.output`, keaHeader + kea(1) + kea(2));
  await rename(`${path}.output`, `${path}.completed`);
  await rm(`${path}.1`);
  expect(await all()).toEqual([mac(1), undefined, mac(3)]);
  await rename(`${path}.completed`, `${path}.2`);
  expect(await all()).toEqual([mac(1), undefined, mac(3)]);
  await appendFile(path, kea(1, 8));
  expect(await all()).toEqual([mac(8), undefined, mac(3)]);
  expect(one.said()).toEqual([]);
});

describe('what hinders is said once', () => {
  test('a file that is not there, comes, and goes', async () => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    const one = leaseFile(path);
    for (let i = 0; i < 3; i++) expect(await one.mac(address(1))).toBeUndefined();
    expect(one.said()).toEqual(['warn: lease file lists no machines']);
    expect(await one.file.problem()).toEqual({
      state: 'missing',
      message: expect.stringMatching(/^there is no such file: start the DHCP server/),
    });
    await writeFile(path, dnsmasq(1));
    expect(await one.mac(address(1))).toBe(mac(1));
    await rm(path);
    for (let i = 0; i < 3; i++) expect(await one.mac(address(1))).toBeUndefined();
    expect(one.said()).toEqual([
      'warn: lease file lists no machines',
      'info: lease file can now be read',
      'warn: lease file lists no machines',
    ]);
  });

  test.each<[string, (path: string) => Promise<unknown>, RegExp]>([
    ['a folder', (path) => mkdir(path), /not a regular file|EISDIR/],
    [
      'something else',
      (path) => writeFile(path, 'no leases\n'),
      /in an unknown format.*format: 'dnsmasq' \| 'dhcpd' \| 'kea' \| 'networkd' \| 'libvirt' \| 'odhcpd' \| 'udhcpd'/,
    ],
    ['half of a JSON file', (path) => writeFile(path, '{"Leases":['), /begins like a networkd file but is incomplete/],
    ['JSON of another kind', (path) => writeFile(path, '{"leases":[]}'), /in an unknown format/],
    ["libvirt's list of MAC addresses", (path) => writeFile(path, '[{"domain":"web1","macs":[]}]'), /in an unknown format/],
    ["macOS' leases", (path) => writeFile(path, '{\n\tname=web1\n}\n'), /or in an unknown format/],
    [
      'a JSON file that no DHCP server writes, so long that parsing it would hold up everything',
      async (path) => {
        await writeFile(path, '[');
        await truncate(path, 6 * 1024 ** 3);
      },
      /begins like a libvirt file but has 6442450944 bytes: files over 16777216 are not read/,
    ],
    ['a file of udhcpd that is cut off', (path) => writeFile(path, Buffer.alloc(40)), /begins like a udhcpd file/],
  ])('%s', async (_, make, problem) => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await make(path);
    const one = leaseFile(path);
    expect(await one.mac(address(1))).toBeUndefined();
    expect(await one.mac(address(1))).toBeUndefined();
    expect(await one.file.problem()).toEqual({ state: 'unreadable', message: expect.stringMatching(problem) });
    expect(one.said()).toEqual(['warn: lease file lists no machines']);
  });

  test('an empty file is none', async () => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, '');
    const one = leaseFile(path);
    expect([await one.mac(address(1)), await one.file.problem(), one.said()]).toEqual([undefined, undefined, []]);
  });
});

describe('a file without a lease in force that names hardware is told, whatever its format', () => {
  const past = end - 7200;
  const json = (value: unknown): string => JSON.stringify(value);
  const none = /^contains (?:no \w+ lease|no lease in a known format \(.*\)): it identifies no machine until a lease is granted$/;
  const idle = (counts: string) =>
    new RegExp(`^has no active lease with a MAC address \\(${counts}\\): it identifies no machine`);

  test.each<[string, string | Buffer, RegExp]>([
    ['dnsmasq: expired', `${past} ${mac(1)} ${address(1)} * *\n${past} ${mac(2)} ${address(2)} * *\n`, idle('2 expired')],
    ['dnsmasq: its own identifier only', 'duid 00:01:00:01:32:98:24:dc:16:c7:b1:93:cb:69\n', none],
    ['dhcpd: a comment only', '# The format of this file is documented in the dhcpd.leases(5) manual page.\n', none],
    ['dhcpd: released', dhcpd(1, 1, 'free'), idle('1 free, declined or without a MAC address')],
    ["dhcpd: a client's leases", 'lease {\n  interface "eth0";\n  fixed-address 10.0.0.1;\n}\n', none],
    ['kea: a header only', keaHeader, none],
    [
      'kea: declined',
      `${keaHeader}${address(1)},${mac(1)},,3600,${end},1,0,0,,1,\n`,
      idle('1 free, declined or without a MAC address'),
    ],
    ['networkd: none', json({ BootID: 'x', Address: [10, 0, 0, 254], PrefixLength: 24 }), none],
    [
      'networkd: a key of a version to come',
      json({ Leases: [{ Address: [10, 0, 0, 1], ExpirationRealtimeUSec: end * 1e6, MACAddress: mac(1) }] }),
      idle('1 free, declined or without a MAC address'),
    ],
    ['libvirt: none', '[]\n', none],
    ['odhcpd: over', `# br-lan 525400000001 ipv4 - 0 1 32 ${address(1)}/32\n`, idle('1 expired')],
    ['udhcpd: none', Buffer.from('000000006b0dd8cb', 'hex'), none],
    ['blank', '\n \n', none],
  ])('%s', async (_, text, message) => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, text);
    const one = leaseFile(path);
    for (let i = 0; i < 3; i++) expect(await one.mac(address(1))).toBeUndefined();
    expect(await one.file.problem()).toEqual({ state: 'idle', message: expect.stringMatching(message) });
    expect(one.said()).toEqual(['warn: lease file lists no machines']);
  });

  test('of a format that was said and is not its own', async () => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, dnsmasq(1));
    expect((await leaseFile(path, 'kea').file.problem())?.message).toMatch(/^contains no kea lease:/);
  });

  test('once, and again when that changes: a lease ends, another is given', async () => {
    await using folder = await scratch();
    const path = join(folder.path, 'leases');
    await writeFile(path, dhcpd(1) + dhcpd(2));
    let now = Date.now();
    const one = leaseFile(path, undefined, () => now);
    expect(await one.mac(address(1))).toBe(mac(1));
    await appendFile(path, dhcpd(1, 1, 'free'));
    expect(await one.mac(address(1))).toBeUndefined();
    expect(one.said()).toEqual([]);
    now += 7_200_000;
    for (let i = 0; i < 3; i++) expect(await one.mac(address(2))).toBeUndefined();
    expect(one.said()).toEqual(['warn: lease file lists no machines']);
    await appendFile(path, dhcpd(3, 3, 'released'));
    expect(await one.mac(address(3))).toBeUndefined();
    await appendFile(path, 'host web4 {\n  hardware ethernet 52:54:00:00:00:04;\n  fixed-address 10.0.0.4;\n}\n');
    expect(await one.mac(address(4))).toBe(mac(4));
    await appendFile(path, 'host web4 {\n  dynamic;\n  deleted;\n}\n');
    expect(await one.mac(address(4))).toBeUndefined();
    expect(one.said()).toEqual([
      'warn: lease file lists no machines',
      'info: lease file now lists machines',
      'warn: lease file lists no machines',
    ]);
  });
});

test('whatever is in a file, and whatever it is said to be, nothing is thrown', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'leases');
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
        ),
        { maxLength: 3 },
      ),
      fc.constantFrom(undefined, ...(Object.keys(formats) as FormatName[])),
      async (versions, format) => {
        const one = leaseFile(path, format);
        for (const bytes of versions) {
          await writeFile(path, bytes);
          expect(await one.mac(address(1))).toBeUndefined();
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('a line longer than a piece is left out, and the next ones are read', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'leases');
  await writeFile(path, `${keaHeader}${kea(1)}${'x'.repeat(200_000)}`);
  const one = leaseFile(path);
  expect(await one.mac(address(1))).toBe(mac(1));
  await appendFile(path, `${'y'.repeat(70_000)}\n${kea(2)}`);
  expect([await one.mac(address(1)), await one.mac(address(2))]).toEqual([mac(1), mac(2)]);
});

test('a file with a time in the future is read once, and again when it changes', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'leases');
  await writeFile(path, dnsmasq(1));
  const future = Date.now() / 1000 + 86_400;
  await utimes(path, future, future);
  const one = leaseFile(path);
  expect(await one.mac(address(1))).toBe(mac(1));
  await using handle = await open(path, 'r+');
  await handle.write(dnsmasq(1, 2), 0);
  expect(await one.mac(address(1))).toBe(mac(2));
});

test('an address in any spelling', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'leases');
  await writeFile(path, `${dnsmasq(1)}duid 00:01\n${end} 1 FD00::0:1 * 00:03:00:01:52:54:00:00:00:06\n`);
  const one = leaseFile(path);
  expect(await Promise.all(['::ffff:10.0.0.1', 'fd00::1', 'fd00:0::1%eth0', 'x'].map(one.mac))).toEqual([
    mac(1),
    mac(6),
    mac(6),
    undefined,
  ]);
});
