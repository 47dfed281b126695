/** Which sockets there are, as interfaces, configs and other processes change. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Log } from '../../src/base/log.ts';
import { Notices } from '../../src/dhcp/notices.ts';
import { type Arrival, Wires, type WiresOptions } from '../../src/dhcp/wires.ts';
import { listenProblem } from '../../src/net/listen-error.ts';
import { FakeWireSockets } from '../kit/wire-sockets.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const SETTINGS = { bootServerOnly: false, relays: ['10.9.0.0/24'], ports: { dhcp: 67, bootServer: 4011 } };
const FROM = { address: '0.0.0.0', port: 68 };
const FOLLOWED_MS = 2100;

let sockets: FakeWireSockets;
let arrivals: Arrival[];
let notices: string[];
let moved: unknown[];
let mayBind = true;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = new FakeWireSockets();
  sockets.devices.set('lo', ['127.0.0.1/8']).set('eth0', ['10.1.0.1/24']).set('eth1', ['10.2.0.1/24']);
  [arrivals, notices, moved, mayBind] = [[], [], [], true];
  return () => void vi.useRealTimers();
});

const clock: WiresOptions['clock'] = {
  now: () => Date.now(),
  wallTime: () => Date.now(),
  setTimeout: (run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

function makeWires(): Wires {
  return new Wires({
    sockets,
    clock,
    rights: { mayBind: () => mayBind, sockets: 100 },
    interfaces: sockets.interfaces,
    onArrival: (arrival) => void arrivals.push(arrival),
    onMoved: (change) => void moved.push(change),
    notices: new Notices({ ...silent, warn: (_, message) => void notices.push(message) }),
  });
}

async function started(settings: Parameters<Wires['prepare']>[0] = SETTINGS): Promise<Wires> {
  const wires = makeWires();
  (await wires.prepare(settings)).commit();
  return wires;
}

const follow = () => vi.advanceTimersByTimeAsync(FOLLOWED_MS);
const open = () => [...sockets.open.keys()].sort();

describe('sockets', () => {
  test('are one for the broadcasts of each interface, and one for each address at either port', async () => {
    const wires = await started();
    expect(open()).toEqual(['10.1.0.1 4011', '10.1.0.1 67', '10.2.0.1 4011', '10.2.0.1 67', 'eth0 67', 'eth1 67']);
    expect(wires.addresses).toEqual([
      { address: '10.1.0.1', port: 67 },
      { address: '10.1.0.1', port: 4011 },
      { address: '10.2.0.1', port: 67 },
      { address: '10.2.0.1', port: 4011 },
    ]);
  });

  test.each([
    ['the interfaces that are named', { ...SETTINGS, interfaces: ['eth1'] }, ['10.2.0.1 4011', '10.2.0.1 67', 'eth1 67']],
    ['loopback if it is named', { ...SETTINGS, interfaces: ['lo'] }, ['127.0.0.1 4011', '127.0.0.1 67', 'lo 67']],
    [
      'broadcasts and the boot server alone, without relays',
      { ...SETTINGS, relays: [], interfaces: ['eth0'] },
      ['10.1.0.1 4011', 'eth0 67'],
    ],
    ['port 4011 alone', { ...SETTINGS, bootServerOnly: true }, ['10.1.0.1 4011', '10.2.0.1 4011']],
  ])('are for %s', async (_, settings, expected) => {
    await started(settings);
    expect(open()).toEqual(expected);
  });

  test('tell the interface, its address, and the port', async () => {
    await started();
    sockets.deliver('eth1', 67, Uint8Array.of(1), FROM);
    sockets.deliver('10.1.0.1', 67, Uint8Array.of(2), FROM);
    sockets.deliver('10.2.0.1', 4011, Uint8Array.of(3), FROM);
    expect(arrivals.map(({ datagram, wire, port }) => [datagram[0], wire.device, wire.address, port])).toEqual([
      [1, 'eth1', '10.2.0.1', 67],
      [2, 'eth0', '10.1.0.1', 67],
      [3, 'eth1', '10.2.0.1', 4011],
    ]);
  });

  test('are closed with the service', async () => {
    (await started()).close();
    expect(open()).toEqual([]);
    await follow();
    expect(open()).toEqual([]);
  });
});

describe('another config', () => {
  test('keeps the sockets that it needs as well', async () => {
    const wires = await started();
    const before = sockets.opened.length;
    expect((await wires.prepare({ ...SETTINGS, interfaces: ['eth0'] })).commit()).toEqual([]);
    expect(open()).toEqual(['10.1.0.1 4011', '10.1.0.1 67', 'eth0 67']);
    expect(sockets.opened.length).toBe(before);
  });

  test('that is abandoned leaves everything as it was, and so does one that cannot be bound', async () => {
    const wires = await started({ ...SETTINGS, interfaces: ['eth0'] });
    const before = open();
    (await wires.prepare(SETTINGS)).abandon();
    expect(open()).toEqual(before);
    sockets.taken.add(5011);
    await expect(wires.prepare({ ...SETTINGS, ports: { dhcp: 67, bootServer: 5011 } })).rejects.toThrow('EADDRINUSE');
    expect(open()).toEqual(before);
    await expect(wires.prepare({ ...SETTINGS, interfaces: ['eth7'] })).rejects.toThrow('eth7');
    expect(open()).toEqual(before);
    // The interfaces are followed as before.
    sockets.devices.set('eth0', ['10.1.0.9/24']);
    await follow();
    expect(open()).toEqual(['10.1.0.9 4011', '10.1.0.9 67', 'eth0 67']);
  });

  test('without the section closes all', async () => {
    const wires = await started();
    (await wires.prepare(undefined)).commit();
    expect(open()).toEqual([]);
    await follow();
    expect(open()).toEqual([]);
  });
});

describe('interfaces', () => {
  test('come and go', async () => {
    await started();
    sockets.devices.delete('eth1');
    sockets.devices.set('eth2', ['10.3.0.1/24']);
    await follow();
    expect(open()).toEqual(['10.1.0.1 4011', '10.1.0.1 67', '10.3.0.1 4011', '10.3.0.1 67', 'eth0 67', 'eth2 67']);
    expect(moved).toEqual([
      {
        came: [
          { address: '10.3.0.1', port: 67 },
          { address: '10.3.0.1', port: 4011 },
        ],
        gone: [
          { address: '10.2.0.1', port: 67 },
          { address: '10.2.0.1', port: 4011 },
        ],
      },
    ]);
  });

  test('that change their address answer broadcasts from the new one, by the same socket', async () => {
    await started({ ...SETTINGS, interfaces: ['eth0'] });
    sockets.devices.set('eth0', ['10.9.0.1/24']);
    await follow();
    sockets.deliver('eth0', 67, Uint8Array.of(1), FROM);
    expect(arrivals[0]?.wire).toEqual({ device: 'eth0', address: '10.9.0.1' });
    expect(sockets.opened.filter((key) => key === 'eth0 67')).toHaveLength(1);
  });

  test('may all be missing at the start', async () => {
    sockets.devices.clear();
    await started();
    expect(notices).toEqual(['no interface has an IPv4 address: DHCP is served as soon as one has']);
    sockets.devices.set('eth0', ['10.1.0.1/24']);
    await follow();
    expect(open()).toContain('eth0 67');
  });

  test('keep sockets that could not be bound again, until their address returns', async () => {
    await started({ ...SETTINGS, interfaces: ['eth0'] });
    mayBind = false;
    sockets.devices.delete('eth0');
    await follow();
    const opened = sockets.opened.length;
    sockets.devices.set('eth0', ['10.1.0.1/24']);
    await follow();
    expect(sockets.opened.length).toBe(opened);
    sockets.deliver('10.1.0.1', 67, Uint8Array.of(1), FROM);
    expect(arrivals).toHaveLength(1);
  });
});

describe('another DHCP server of this host', () => {
  test('that shares the port keeps what is sent to it, whichever of the two starts first', async () => {
    await started({ ...SETTINGS, interfaces: ['eth0'] });
    expect(open()).toContain('10.1.0.1 67');
    sockets.others.push({ address: '0.0.0.0', port: 67, inode: '1' });
    await follow();
    expect(open()).toEqual(['10.1.0.1 4011', 'eth0 67']);
    expect(notices).toHaveLength(1);
    await follow();
    expect(notices).toHaveLength(1);
    sockets.others.pop();
    await follow();
    expect(open()).toContain('10.1.0.1 67');
  });

  test('that does not share it is named, with both remedies', async () => {
    sockets.taken.add(67);
    const problem = await makeWires()
      .prepare(SETTINGS)
      .then(undefined, (error) => listenProblem(error));
    expect(problem).toContain('10.1.0.1 port 67 is in use by dnsmasq (process 12); two solutions:');
    expect(problem).toContain('bind-interfaces');
    expect(problem).toContain('bootServerOnly: true');
    expect(open()).toEqual([]);
  });
});

test.each([
  ['EACCES', ['not permitted to listen on 10.1.0.1 port 67', 'AmbientCapabilities=CAP_NET_BIND_SERVICE']],
  ['EPERM', ['not permitted to bind a socket to eth0', 'CAP_NET_RAW']],
] as const)('%s is explained', async (code, parts) => {
  sockets.fault = code;
  const problem = await makeWires()
    .prepare(SETTINGS)
    .then(undefined, (error) => listenProblem(error));
  for (const part of parts) expect(problem).toContain(part);
  expect(problem).not.toContain('ListenDatagram');
});

test('where the interface of a request is not known, the first is served, and the log says so', async () => {
  sockets.tellsWires = false;
  sockets.broadcastHearsUnicast = true;
  await started();
  expect(open()).toEqual(['10.1.0.1 4011', 'eth0 67']);
  expect(notices).toEqual([expect.stringContaining('only eth0 is served by DHCP')]);
});
