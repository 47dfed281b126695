/** What firmware makes of pairs of answers, and what the doctor finds in them. */
import { describe, expect, test } from 'vitest';
import { choose } from '../../../src/dhcp/doctor/choice.ts';
import { type FindingCode, findingCodes } from '../../../src/dhcp/doctor/findings.ts';
import { judge } from '../../../src/dhcp/doctor/judge.ts';
import { type Offer, readOffer } from '../../../src/dhcp/doctor/offer.ts';
import { type ProbeName, probes } from '../../../src/dhcp/doctor/probes.ts';
import { brands, REMEDIES, remedyOf } from '../../../src/dhcp/doctor/remedies.ts';
import type { Experience, Fetched } from '../../../src/dhcp/doctor/survey.ts';
import {
  addressBytes,
  type DhcpFields,
  encodePacket,
  MessageType,
  Option,
  textBytes,
} from '../../../src/dhcp/protocol/packet.ts';
import { directBoot, localBoot, raspberryPiBoot } from '../../../src/dhcp/protocol/pxe-options.ts';
import { page } from '../../kit/docs.ts';

const MAC = [2, 0, 0, 0, 0, 1];
const XID = 9;

interface Sent {
  readonly server: string;
  readonly yiaddr?: string;
  readonly siaddr?: string;
  readonly file?: string;
  readonly vendorClass?: string;
  readonly pxe?: Uint8Array;
  readonly more?: DhcpFields['options'];
  readonly without?: readonly number[];
}

function offer({
  server,
  file = '',
  siaddr = '0.0.0.0',
  yiaddr = '0.0.0.0',
  vendorClass,
  pxe,
  more = [],
  without = [],
}: Sent): Offer {
  const options: DhcpFields['options'] = [
    [Option.messageType, Uint8Array.of(MessageType.offer)],
    [Option.serverId, addressBytes(server)],
    ...(vendorClass === undefined ? [] : [[Option.vendorClass, textBytes(vendorClass)] as const]),
    ...(pxe ? [[Option.vendorInfo, pxe] as const] : []),
    ...more,
  ];
  const kept = options.filter(([code]) => !without.includes(code));
  const bytes = encodePacket({ op: 2, xid: XID, chaddr: Uint8Array.from(MAC), yiaddr, siaddr, file, options: kept });
  return readOffer(bytes, { address: server, port: 67 }, XID, MAC)!;
}

const ROUTER = '10.0.0.1';
const PROXY = '10.0.0.2';
const plain = (more: Partial<Sent> = {}) => offer({ server: ROUTER, yiaddr: '10.0.0.50', ...more });
const proxy = (more: Partial<Sent> = {}) =>
  offer({ server: PROXY, siaddr: PROXY, file: 'a.efi', vendorClass: 'PXEClient', pxe: directBoot(), ...more });
const captured = () => plain({ vendorClass: 'PXEClient' });
const binl = () => proxy({ file: '' });

describe('the choice of', () => {
  test.each<[ProbeName, string, readonly Offer[], object]>([
    ['uefi-x64', 'no address', [proxy()], { kind: 'no-address' }],
    ['uefi-x64', 'an address alone', [plain()], { kind: 'no-boot' }],
    ['uefi-x64', 'a proxy', [plain(), proxy()], { kind: 'program', program: { by: 'tftp', server: PROXY, file: 'a.efi' } }],
    [
      'uefi-x64',
      'a router with a file, and a proxy',
      [plain({ file: 'r.efi', siaddr: ROUTER }), proxy()],
      { program: { file: 'a.efi' } },
    ],
    ['uefi-x64', 'a router with class PXEClient, and a proxy', [captured(), proxy()], { kind: 'boot-server', server: ROUTER }],
    [
      'uefi-x64',
      'the same beside a plain server',
      [captured(), plain({ server: '10.0.0.3' }), proxy()],
      { program: { server: PROXY } },
    ],
    [
      'uefi-x64',
      'two proxies, of which the second decides',
      [plain(), proxy({ server: '10.0.0.3', pxe: new Uint8Array(0) }), proxy()],
      { program: { server: PROXY } },
    ],
    [
      'uefi-x64',
      'a proxy that sends it to port 4011',
      [plain(), proxy({ pxe: new Uint8Array(0) })],
      { kind: 'boot-server', server: PROXY },
    ],
    ['uefi-x64', 'boot from the disk', [plain(), proxy({ file: '', pxe: localBoot() })], { kind: 'menu' }],
    ['uefi-x64', 'an offer without option 54', [plain({ without: [54] })], { kind: 'no-address' }],
    ['ipxe', 'a proxy without siaddr', [plain(), proxy({ siaddr: '0.0.0.0' })], { kind: 'boot-server', server: PROXY }],
    ['ipxe', 'a proxy without a file', [plain(), binl()], { kind: 'boot-server', server: PROXY }],
    ['ipxe', 'a router with class PXEClient', [captured()], { kind: 'boot-server', server: ROUTER }],
    ['ipxe', 'no-pxedhcp', [plain({ more: [[175, Uint8Array.of(176, 1, 1)]] }), proxy()], { kind: 'no-boot' }],
    ['uefi-http', 'a name', [plain(), proxy({ vendorClass: 'HTTPClient' })], { kind: 'no-boot' }],
    [
      'uefi-http',
      'a URL',
      [plain(), proxy({ vendorClass: 'HTTPClient', file: 'http://10.0.0.2/a.efi' })],
      { program: { by: 'http' } },
    ],
    ['raspberry-pi', 'a file without a menu', [plain(), proxy()], { kind: 'no-boot' }],
    [
      'raspberry-pi',
      'its menu',
      [plain(), proxy({ pxe: raspberryPiBoot() })],
      { program: { server: PROXY, file: 'bootcode.bin' } },
    ],
  ])('%s: %s', (name, _, offers, expected) => {
    expect(choose(probes[name], offers)).toMatchObject(expected);
  });
});

/** As the survey builds it. */
function saw(
  name: ProbeName,
  offers: readonly Offer[],
  fetched?: Fetched,
  bootServers: Experience['bootServers'] = new Map(),
): Experience {
  const choice = choose(probes[name], offers);
  return {
    probe: probes[name],
    mac: MAC,
    offers,
    choice,
    bootServers,
    program: choice.kind === 'program' ? choice.program : undefined,
    fetched,
  };
}

const SERVED: Fetched = { kind: 'served', bytes: 9, total: 9 };
const NOTHING = { named: true, servers: [] };
const tail = (text: string) => proxy({ vendorClass: text });

const cases: readonly [code: FindingCode, Experience, servers?: readonly string[]][] = [
  ['no-address-server', saw('bios', [])],
  ['no-boot-offer', saw('bios', [plain()])],
  ['two-boot-offers', saw('uefi-x64', [plain(), proxy(), proxy({ server: '10.0.0.3', siaddr: '10.0.0.3' })])],
  [
    'two-boot-offers',
    saw('uefi-x64', [plain({ file: 'a', siaddr: ROUTER }), plain({ server: '10.0.0.3', file: 'b', siaddr: ROUTER })]),
  ],
  ['class-without-option-43', saw('uefi-x64', [captured(), proxy()])],
  ['class-without-option-43', saw('ipxe', [captured()])],
  ['router-file-diverts', saw('uefi-x64', [plain({ file: 'r.efi', siaddr: ROUTER }), proxy()], SERVED)],
  ['router-next-server', saw('uefi-x64', [plain({ siaddr: ROUTER }), proxy()], SERVED)],
  ['option-66-only', saw('uefi-x64', [plain({ file: 'a.efi', more: [[66, textBytes(PROXY)]] })], SERVED)],
  [
    'option-66-only',
    saw('uefi-x64', [plain({ file: 'a.efi', siaddr: ROUTER, more: [[66, textBytes(PROXY)]] })], { kind: 'closed' }),
  ],
  ['boot-server-silent', saw('uefi-x64', [plain(), proxy({ pxe: new Uint8Array(0) })])],
  ['loader-not-served', saw('uefi-x64', [plain(), proxy()], { kind: 'refused', text: 'ERROR 1' })],
  ['loader-empty', saw('uefi-x64', [plain(), proxy()], { kind: 'empty' })],
  ['transfer-port-closed', saw('uefi-x64', [plain(), proxy()], { kind: 'closed' })],
  ['transfer-silent', saw('uefi-x64', [plain(), proxy()], { kind: 'silent' })],
  ['transfer-broken', saw('uefi-x64', [plain(), proxy()], { kind: 'broken', text: 'x' })],
  ['large-blocks-lost', saw('uefi-x64', [plain(), proxy()], { kind: 'large-lost' })],
  ['snooping-suspected', saw('uefi-x64', [plain()], undefined, new Map([[PROXY, proxy()]])), [PROXY]],
  ['ipxe-skips-proxy', saw('ipxe', [plain({ more: [[175, Uint8Array.of(176, 1, 1)]] }), proxy()])],
  ['ipxe-loads-itself', saw('ipxe', [plain(), proxy({ file: 'snponly.efi' })], SERVED)],
  ['class-with-tail', saw('uefi-x64', [plain(), tail('PXEClient:Arch:00007')], SERVED)],
  ['class-with-tail', saw('uefi-x64', [plain(), tail('PXEClient\0')], SERVED)],
  ['proxy-without-class', saw('uefi-x64', [plain(), proxy({ without: [60] })])],
  ['no-server-id', saw('uefi-x64', [plain(), proxy({ without: [54] })])],
  ['no-message-type', saw('uefi-x64', [plain(), proxy({ without: [53] })])],
  ['names-differ', saw('uefi-x64', [plain(), proxy({ more: [[67, textBytes('b.efi')]] })], SERVED)],
  ['answer-too-long', saw('uefi-x64', [plain({ more: Array.from({ length: 6 }, () => [128, new Uint8Array(250)] as const) })])],
  [
    'too-many-offers',
    saw(
      'uefi-x64',
      Array.from({ length: 17 }, (_, at) => plain({ server: `10.0.1.${at}` })),
    ),
  ],
];

describe('the finding', () => {
  test.each(cases)('%s', (code, experience, servers = []) => {
    expect(judge([experience], { ...NOTHING, servers }).map((one) => one.code)).toContain(code);
  });

  test('of each kind is in the table above', () => {
    expect(new Set(cases.map(([code]) => code))).toEqual(new Set(findingCodes));
  });

  test('is absent where all is well', () => {
    const well = ['bios', 'uefi-x64', 'uefi-arm64', 'ipxe'] as const;
    expect(
      judge(
        well.map((name) => saw(name, [plain(), proxy()], SERVED)),
        NOTHING,
      ),
    ).toEqual([]);
  });

  test('is not the class of a server that is its own boot server', () => {
    const answer = new Map([[ROUTER, plain({ yiaddr: '0.0.0.0', file: 'a.efi', siaddr: ROUTER })]]);
    const codes = judge([saw('uefi-x64', [captured()], SERVED, answer)], NOTHING).map(({ code }) => code);
    expect(codes).not.toContain('class-without-option-43');
  });

  test('about the same server is told once, for all kinds of machines', () => {
    const found = judge([saw('bios', []), saw('uefi-x64', [])], NOTHING);
    expect(found).toMatchObject([{ code: 'no-address-server', firmware: ['bios', 'uefi-x64'] }]);
  });

  test('of a machine that nobody serves is a note where others boot', () => {
    const found = judge([saw('bios', [plain()]), saw('uefi-x64', [plain(), proxy()], SERVED)], { named: false, servers: [] });
    expect(found).toMatchObject([{ code: 'no-boot-offer', severity: 'note', firmware: ['bios'] }]);
  });
});

describe('the remedy', () => {
  test.each(Object.entries(REMEDIES))('of %s names every brand, or none', (_, { changes }) => {
    if (changes === undefined) return;
    expect(Object.keys(changes)).toEqual(expect.arrayContaining([...brands]));
    for (const { remove = [], add = [] } of Object.values(changes)) expect(remove.length + add.length).toBeGreaterThan(0);
  });

  test('has no place for what a server sends to end a line', () => {
    const values = { server: '10.0.0.1', file: 'a.efi"; include "/etc/passwd\nport=53' };
    const { changes } = remedyOf({ code: 'no-boot-offer', severity: 'error', firmware: [], server: undefined, seen: '', values });
    expect(changes!.dnsmasq.add).toEqual(['dhcp-boot=a.efi___include__/etc/passwd_port=53,,10.0.0.1']);
  });
});

test('a hostile answer is not read, or read without a throw', () => {
  const good = encodePacket({
    op: 2,
    xid: XID,
    chaddr: Uint8Array.from(MAC),
    options: [
      [43, directBoot()],
      [60, textBytes('PXEClient')],
      [175, Uint8Array.of(176, 1, 1)],
    ],
  });
  for (let at = 0; at < good.length; at++) {
    for (const value of [0, 1, 4, 127, 255]) {
      const changed = good.slice();
      changed[at] = value;
      const read = readOffer(changed, { address: ROUTER, port: 67 }, XID, MAC);
      if (read) for (const probe of Object.values(probes)) choose(probe, [plain(), read]);
    }
    readOffer(good.subarray(0, at), { address: ROUTER, port: 67 }, XID, MAC);
  }
});

test('docs/doctor.md explains each finding', () => {
  const listed = [...page('docs/doctor.md').matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, code]) => code);
  expect(listed).toEqual(findingCodes);
});
