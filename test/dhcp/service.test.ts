/** The service whole, on interfaces that are not there: whom it answers, with what, on which wire; and what it learns. */
import { describe, expect, test } from 'vitest';
import { type DhcpFields, decodePacket, encodePacket, Option, textBytes, textOf } from '../../src/dhcp/protocol/packet.ts';
import { type BootAnswer, type Client, type Config, type Hooks, Refusal } from '../../src/index.ts';
import { type DhcpRig, dhcpRig, withHooks } from '../kit/dhcp.ts';
import { gate } from '../kit/lab.ts';
import type { Sent } from '../kit/wire-sockets.ts';
import { dhcpVectors } from './protocol/vectors.ts';

const FILE = 'ipxe/snponly.efi';
const BROADCAST = { address: '255.255.255.255', port: 68 };

const vector = (name: string) => dhcpVectors.find((one) => one.name === name)!.bytes;
/** A vector with other fields of the header. */
function changed(
  name: string,
  fields: Partial<DhcpFields> & { readonly set?: readonly (readonly [number, Uint8Array])[] },
): Uint8Array {
  const packet = decodePacket(vector(name))!;
  const { set = [], ...rest } = fields;
  const options = new Map([...packet.options, ...set]);
  return encodePacket({ ...packet, ...rest, options: [...options] });
}
const discover = (mac: number, fields: Partial<DhcpFields> = {}) =>
  changed('ovmf-x64-discover-67', { xid: mac, chaddr: Uint8Array.of(0x52, 0x54, 0, mac >> 16, mac >> 8, mac), ...fields });

const booting = (boot: NonNullable<Hooks['boot']>, dhcp: Config['dhcp'] = {}): Config => ({
  dhcp,
  plugins: [withHooks({ boot })],
});
const always = (answer: BootAnswer, dhcp?: Config['dhcp']) => booting(() => answer, dhcp);
const read = (sent: Sent | undefined) => decodePacket(sent!.datagram)!;
const counters = ({ server }: DhcpRig) => server.stats().counters;

describe('a machine', () => {
  test.each(dhcpVectors.filter(({ name }) => name.includes('-discover-67')))('$name', async ({ name, bytes }) => {
    await using rig = await dhcpRig(always(FILE, { relays: ['10.215.0.0/24'] }));
    const sent = await rig.ask('eth0', 67, bytes);
    // HTTP is not served here.
    const isSilent = /^(other-vendor|uboot)|-http-/.test(name);
    const to = name.includes('relayed') ? { address: '10.215.0.1', port: 67 } : BROADCAST;
    expect(sent.map(({ by, port, to }) => ({ by, port, to }))).toEqual(isSilent ? [] : [{ by: 'eth0', port: 67, to }]);
  });

  test('is offered its file by broadcast on its own wire, from the address of that wire', async () => {
    await using rig = await dhcpRig(always(FILE));
    for (const [device, address] of [
      ['eth0', '10.214.0.2'],
      ['eth1', '10.2.0.1'],
    ] as const) {
      const [sent, ...more] = await rig.ask(device, 67, vector('ovmf-x64-discover-67'));
      expect(more).toEqual([]);
      expect(sent).toMatchObject({ by: device, port: 67, to: BROADCAST });
      const offer = read(sent);
      expect(offer).toMatchObject({ siaddr: address, yiaddr: '0.0.0.0', file: FILE });
      expect([...offer.options.get(Option.serverId)!].join('.')).toBe(address);
    }
  });

  test('is answered on port 4011 at its own address, from port 4011', async () => {
    await using rig = await dhcpRig(always(FILE));
    const from = { address: '10.214.0.163', port: 4011 };
    const [sent] = await rig.ask('10.214.0.2', 4011, vector('ovmf-x64-4011-request-4011'), from);
    expect(sent).toMatchObject({ by: '10.214.0.2', port: 4011, to: from });
    expect(read(sent)).toMatchObject({ file: FILE, ciaddr: '10.214.0.163' });
  });

  test('gets no answer to its REQUEST at port 67, but is known by the address that it takes', async () => {
    await using rig = await dhcpRig(always(FILE));
    await rig.ask('eth0', 67, vector('ovmf-x64-discover-67'));
    const request = vector('ovmf-x64-request-67');
    expect(await rig.ask('eth0', 67, request)).toEqual([]);
    const claimed = [...decodePacket(request)!.options.get(Option.requestedAddress)!].join('.');
    expect(rig.sightings.byAddress(claimed)).toMatchObject({
      mac: '52:54:00:a5:00:03',
      firmware: 'uefi-x64',
      arch: 7,
      service: 'dhcp',
    });
    expect(counters(rig)).toMatchObject({ 'dhcp-requests.claim': 1 });
  });

  test('is what plugins see: MAC address, UUID, firmware, and the address of the server on that wire', async () => {
    let seen: { client: Client; local: object } | undefined;
    await using rig = await dhcpRig(
      booting((request) => {
        seen = request;
      }),
    );
    await rig.ask('eth0', 67, vector('aavmf-arm64-discover-67'));
    expect(seen).toMatchObject({
      protocol: 'dhcp',
      kind: 'boot',
      asked: '',
      local: { address: '10.214.0.2', port: 67 },
      client: { mac: '52:54:00:a5:00:05', macSource: 'dhcp', firmware: 'uefi-arm64', arch: 11, uuidSource: 'dhcp' },
    });
  });

  test('that a plugin has no answer for, or refuses, or fails on, gets silence', async () => {
    const answers: NonNullable<Hooks['boot']>[] = [
      () => undefined,
      () => {
        throw new Refusal('forbidden', 'not this one');
      },
      () => {
        throw new Error('broken');
      },
    ];
    for (const [i, outcome] of ['refused', 'refused', 'failed'].entries()) {
      await using rig = await dhcpRig(booting(answers[i]!));
      expect(await rig.ask('eth0', 67, vector('ovmf-x64-discover-67'))).toEqual([]);
      expect(rig.ended).toMatchObject([{ outcome }]);
      expect(counters(rig)['dhcp-answers.none']).toBe(1);
    }
  });

  test('that is to boot a file whose name is too long gets silence, and the log says so once', async () => {
    await using rig = await dhcpRig(always(`${'folder/'.repeat(40)}x.efi`, { replyDelayMs: 1 }));
    for (let i = 0; i < 2; i++) expect(await rig.ask('eth0', 67, vector('ovmf-x64-discover-67'))).toEqual([]);
    expect(rig.lines.filter(({ message }) => message.includes('too long'))).toHaveLength(1);
  });

  test('is offered its own disk', async () => {
    await using rig = await dhcpRig(always('disk'));
    const [sent] = await rig.ask('eth0', 67, vector('ovmf-x64-discover-67'));
    expect(read(sent).file).toBe('');
    expect(Buffer.from(read(sent).options.get(Option.vendorInfo)!).toString('latin1')).toContain('Local');
    expect(await rig.ask('eth0', 67, vector('ovmf-http-discover-67'))).toEqual([]);
    expect(rig.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });
});

describe('HTTP', () => {
  const httpOrigin = (_: unknown, server: string) => `http://${server}:8080`;
  const urlOf = (sent: Sent | undefined) => textOf(read(sent).options.get(Option.bootFile)!);

  test('is how firmware that boots by it, and iPXE, get the file, where it is served', async () => {
    await using rig = await dhcpRig(always('a b/boot.efi'), { httpOrigin });
    const [http] = await rig.ask('eth0', 67, vector('ovmf-http-discover-67'));
    expect(urlOf(http)).toBe('http://10.214.0.2:8080/a%20b/boot.efi');
    expect(textOf(read(http).options.get(Option.vendorClass)!)).toBe('HTTPClient');
    const [ipxe] = await rig.ask('eth1', 67, vector('ovmf-x64-discover-67-ipxe'));
    expect(urlOf(ipxe)).toBe('http://10.2.0.1:8080/a%20b/boot.efi');
    const [pxe] = await rig.ask('eth0', 67, vector('ovmf-x64-discover-67'));
    expect(urlOf(pxe)).toBe('a b/boot.efi');
  });

  test('that is not served is logged once for each machine', async () => {
    await using rig = await dhcpRig(always(FILE));
    for (let i = 0; i < 3; i++) expect(await rig.ask('eth0', 67, vector('ovmf-http-discover-67'))).toEqual([]);
    expect(rig.lines.filter(({ message }) => message.includes('HTTP is not served'))).toHaveLength(1);
  });

  test('URLs go to those that take one', async () => {
    const url = 'http://other.example/boot.ipxe';
    await using rig = await dhcpRig(always(url));
    const [ipxe] = await rig.ask('eth0', 67, vector('ovmf-x64-discover-67-ipxe'));
    expect(read(ipxe).file).toBe(url);
    expect(await rig.ask('eth0', 67, vector('ovmf-x64-discover-67'))).toEqual([]);
    expect(rig.lines.filter(({ message }) => message.includes('takes no URL'))).toHaveLength(1);
  });
});

describe('layouts', () => {
  test('change after three DISCOVERs that led to nothing, which is logged once', async () => {
    await using rig = await dhcpRig(always(FILE));
    const files: string[] = [];
    for (let i = 0; i < 5; i++) files.push(read((await rig.ask('eth0', 67, vector('ovmf-x64-discover-67')))[0]).file);
    expect(files).toEqual([FILE, FILE, FILE, '', '']);
    expect(rig.lines.filter(({ message }) => message.includes('has accepted no offer'))).toMatchObject([
      { level: 'warn', fields: { mac: '52:54:00:a5:00:03', discovers: 3, layout: 'binl' } },
    ]);
    expect(rig.ended.map(({ dhcp }) => [dhcp?.layout, dhcp?.isRepeat])).toEqual([
      ['direct', false],
      ['direct', true],
      ['direct', true],
      ['binl', false],
      ['binl', true],
    ]);
    // The file is in the answer of port 4011.
    const from = { address: '10.214.0.162', port: 4011 };
    const [sent] = await rig.ask('10.214.0.2', 4011, vector('ovmf-x64-request-4011'), from);
    expect(read(sent).file).toBe(FILE);
  });

  test('stay while the machine proceeds, and begin with what the config says', async () => {
    await using rig = await dhcpRig(always({ file: FILE, layout: 'binl' }));
    for (let i = 0; i < 5; i++) {
      expect(read((await rig.ask('eth0', 67, vector('ovmf-x64-discover-67')))[0]).file).toBe('');
      await rig.ask('eth0', 67, vector('ovmf-x64-request-67'));
    }
    expect(rig.ended.every(({ dhcp }) => dhcp?.isRepeat === false)).toBe(true);
  });
});

describe('a relay', () => {
  const relayed = (fields: Partial<DhcpFields> = {}) => changed('relay-ovmf-discover-67-relayed', fields);
  const from = { address: '10.215.0.1', port: 67 };

  test('in an allowed network gets the answer at port 67, with its option 82', async () => {
    await using rig = await dhcpRig(always(FILE, { relays: ['10.215.0.0/16'] }));
    const info = Uint8Array.of(1, 7, 1, 2, 3, 4, 5, 6, 7);
    const request = changed('relay-ovmf-discover-67-relayed', { set: [[Option.relayInfo, info]] });
    const [sent] = await rig.ask('10.214.0.2', 67, request, from);
    expect(sent).toMatchObject({ by: '10.214.0.2', port: 67, to: { address: '10.215.0.1', port: 67 } });
    const offer = read(sent);
    expect(offer).toMatchObject({ giaddr: '10.215.0.1', siaddr: '10.214.0.2', flags: 0x8000 });
    expect([...offer.options.get(Option.relayInfo)!]).toEqual([...info]);
    expect([...offer.options.keys()].at(-1)).toBe(Option.relayInfo);
    expect(rig.ended).toMatchObject([{ dhcp: { relay: '10.215.0.1' } }]);
  });

  test('in a network of this machine is allowed; any other is not, which is logged once', async () => {
    await using rig = await dhcpRig(always(FILE, { relays: ['10.8.0.0/24'] }));
    expect(await rig.ask('10.214.0.2', 67, relayed({ giaddr: '10.2.0.77' }), from)).toHaveLength(1);
    for (let i = 0; i < 3; i++) expect(await rig.ask('10.214.0.2', 67, relayed(), from)).toEqual([]);
    expect(counters(rig)['dhcp-drops.relay-not-allowed']).toBe(3);
    expect(rig.lines.filter(({ message }) => message.includes('dhcp.relays'))).toMatchObject([
      { fields: { relay: '10.215.0.1' } },
    ]);
  });
});

describe('silence', () => {
  test.each([
    ['a reply', changed('ovmf-x64-discover-67', { op: 2 }), 'malformed'],
    ['rubbish', Uint8Array.of(1, 2, 3), 'malformed'],
    ['a phone', vector('other-vendor-discover-67'), 'other-client'],
    ['U-Boot', vector('uboot-arm64-discover-67'), 'other-client'],
    [
      'a class that only begins alike',
      changed('ovmf-x64-discover-67', { set: [[Option.vendorClass, textBytes('PXEClientele')]] }),
      'other-client',
    ],
    ['an INFORM at port 67', changed('ovmf-x64-discover-67', { set: [[Option.messageType, Uint8Array.of(8)]] }), 'other-client'],
    ['a RELEASE', changed('ovmf-x64-discover-67', { set: [[Option.messageType, Uint8Array.of(7)]] }), 'other-client'],
  ] as const)('to %s', async (_, datagram, reason) => {
    await using rig = await dhcpRig(always(FILE));
    expect(await rig.ask('eth0', 67, datagram)).toEqual([]);
    expect(counters(rig)[`dhcp-drops.${reason}`]).toBe(1);
    expect(rig.ended).toEqual([]);
  });

  test('at port 4011 to a DISCOVER', async () => {
    await using rig = await dhcpRig(always(FILE));
    expect(await rig.ask('10.214.0.2', 4011, vector('ovmf-x64-discover-67'))).toEqual([]);
  });
});

describe('limits', () => {
  test('of one machine do not touch others, and are logged once', async () => {
    await using rig = await dhcpRig(always(FILE, { limits: { requestsPerMachine: 2 } }));
    for (let i = 0; i < 5; i++) await rig.ask('eth0', 67, discover(1));
    await rig.ask('eth0', 67, discover(2));
    expect(rig.sockets.sent).toHaveLength(3);
    expect(counters(rig)['dhcp-drops.too-many-of-machine']).toBe(3);
    expect(rig.lines.filter(({ message }) => message.includes('requestsPerMachine'))).toHaveLength(1);
  });

  test('of one relay', async () => {
    await using rig = await dhcpRig(always(FILE, { relays: ['10.8.0.0/24'], limits: { requestsPerRelay: 2 } }));
    for (let i = 0; i < 5; i++) await rig.ask('10.214.0.2', 67, discover(i, { giaddr: '10.2.0.77' }));
    expect(rig.sockets.sent).toHaveLength(2);
    expect(counters(rig)['dhcp-drops.too-many-of-relay']).toBe(3);
  });

  test('of requests under way', async () => {
    const held = gate();
    await using rig = await dhcpRig(booting(() => held.passed.then(() => FILE), { limits: { exchanges: 3 } }));
    for (let i = 0; i < 5; i++) rig.sockets.deliver('eth0', 67, discover(i), BROADCAST);
    expect(await rig.server.exchanges()).toHaveLength(3);
    held.open();
    await rig.idle();
    expect(rig.sockets.sent).toHaveLength(3);
    expect(counters(rig)['dhcp-drops.too-many']).toBe(2);
  });

  test('do not keep a thousand machines from being answered at once', async () => {
    await using rig = await dhcpRig(always(FILE));
    for (let i = 1; i <= 1000; i++) rig.sockets.deliver('eth0', 67, discover(i), BROADCAST);
    await rig.idle();
    expect(new Set(rig.sockets.sent.map((sent) => read(sent).xid)).size).toBe(1000);
  });
});

describe('a slow plugin', () => {
  test('delays the offer, which then answers the latest request of the machine', async () => {
    const held = gate();
    let calls = 0;
    await using rig = await dhcpRig(
      booting(() => {
        calls++;
        return held.passed.then(() => FILE);
      }),
    );
    for (const secs of [0, 4, 12]) rig.sockets.deliver('eth0', 67, discover(1, { secs, xid: 100 + secs }), BROADCAST);
    held.open();
    await rig.idle();
    expect(rig.sockets.sent.map((sent) => read(sent).xid)).toEqual([112]);
    expect(calls).toBe(1);
  });

  test('does not keep a stop from ending', async () => {
    const rig = await dhcpRig(booting(() => new Promise(() => {}), {}));
    rig.sockets.deliver('eth0', 67, discover(1), BROADCAST);
    await rig.server.stop(10);
    expect(rig.ended).toMatchObject([{ outcome: 'aborted' }]);
    expect(rig.sockets.open.size).toBe(0);
  });
});

describe('a reload', () => {
  test('starts the service and stops it, and names the section', async () => {
    await using rig = await dhcpRig({});
    expect(rig.sockets.open.size).toBe(0);
    await rig.reload(always(FILE));
    expect(rig.sockets.open.size).toBe(4);
    expect(await rig.ask('eth0', 67, discover(1))).toHaveLength(1);
    await rig.reload({});
    expect(rig.sockets.open.size).toBe(0);
    const changes = rig.lines.filter(({ message }) => message === 'reload done');
    expect(changes).toHaveLength(2);
    for (const { fields } of changes) expect(JSON.stringify(fields)).toContain('dhcp');
  });

  test('answers with the next config what comes after it, and with the last what came before', async () => {
    const held = gate();
    await using rig = await dhcpRig(booting(() => held.passed.then(() => 'before.efi')));
    rig.sockets.deliver('eth0', 67, discover(1), BROADCAST);
    await rig.reload(always('after.efi'));
    expect(read((await rig.now('eth0', 67, discover(1)))[0]).file).toBe('after.efi');
    held.open();
    await rig.idle();
    expect(rig.sockets.sent.map((sent) => read(sent).file)).toEqual(['after.efi', 'before.efi']);
  });

  test('that cannot be bound changes nothing', async () => {
    await using rig = await dhcpRig(always(FILE));
    rig.sockets.taken.add(5011);
    await expect(rig.reload(always(FILE, { ports: { bootServer: 5011 } }))).rejects.toThrow('EADDRINUSE');
    expect(await rig.ask('eth0', 67, discover(1))).toHaveLength(1);
  });
});

test('an offer may be delayed for firmware that misses one that comes at once', async () => {
  await using rig = await dhcpRig(always(FILE, { replyDelayMs: 30 }));
  await rig.ask('eth0', 67, discover(1));
  expect(rig.sockets.sent).toHaveLength(1);
  expect(rig.ended[0]!.durationMs).toBeGreaterThanOrEqual(29);
});

test.each([0, 30])('an answer that cannot be made is the failure of one request, with a delay of %i ms', async (replyDelayMs) => {
  const httpOrigin = () => {
    throw new Error('no origin');
  };
  await using rig = await dhcpRig(always(FILE, { replyDelayMs }), { httpOrigin });
  expect(await rig.ask('eth0', 67, discover(1))).toEqual([]);
  expect(rig.ended).toMatchObject([{ outcome: 'failed', error: { reason: 'internal' } }]);
  expect(rig.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
});
