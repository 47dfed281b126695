/** How a listener follows addresses that cannot be bound, or not again; over sockets that are made up. */
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { Interfaces } from '../../../src/net/addresses.ts';
import { listenProblem } from '../../../src/net/listen-error.ts';
import { Listener } from '../../../src/net/listener.ts';
import type { ListenOn } from '../../../src/net/listening.ts';
import type { SocketAddress } from '../../../src/net/socket.ts';
import type { Binding } from '../../../src/tftp/transport/binding.ts';
import { Bindings } from '../../../src/tftp/transport/bindings.ts';
import type { SocketEndpoint, SocketOwner } from '../../../src/tftp/transport/socket-endpoint.ts';

/** A machine: what it refuses, and what is open on it. */
class Machine {
  /** By address: the code of the error that binding it ends in. */
  readonly refused = new Map<string, string>();
  readonly open: string[] = [];
  /** Sockets that have ever been bound. */
  bound = 0;
  readonly notices: { readonly fields: object; readonly message: string }[] = [];
  readonly bindings: Bindings;

  /** The number of each device. */
  readonly devices = new Map<string, number>();

  constructor({ mayBind = true, sockets = Number.POSITIVE_INFINITY } = {}) {
    this.bindings = new Bindings({
      deviceNumber: (name) => this.devices.get(name) ?? 0,
      bind: (to, owner) => this.#bind(to, owner),
      receive: () => {},
      rights: { mayBind: () => mayBind, sockets },
    });
  }

  listen(on: ListenOn, singlePort = false): Listener<Binding> {
    const notice = (fields: object, message: string) => void this.notices.push({ fields, message });
    return new Listener(on, this.bindings.with({ singlePort }), notice);
  }

  async #bind(to: SocketAddress, owner: SocketOwner): Promise<SocketEndpoint> {
    if ('fd' in to) throw new Error('no descriptors here');
    const { address, port } = to;
    const code = this.refused.get(address);
    if (code !== undefined) throw Object.assign(new Error(code), { code, address, port });
    const name = `${address}:${port}`;
    this.open.push(name);
    this.bound++;
    const close = async () => {
      const at = this.open.indexOf(name);
      if (at >= 0) this.open.splice(at, 1);
    };
    return { address, port, owner, accepts: false, replies: [], applied: async () => {}, close };
  }
}

function interfaces(...addresses: readonly string[]): Interfaces {
  const base = { netmask: '255.255.255.255', mac: '', internal: false, cidr: null, family: 'IPv4' as const };
  return { eth0: addresses.map((address): NetworkInterfaceInfo => ({ ...base, address })) };
}

const all = { address: '0.0.0.0', port: 69 };
const at = (address: string) => ({ address, port: 69 });

test('a listener that could not bind an address again keeps its sockets, and says what went and what came', async () => {
  const machine = new Machine({ mayBind: false });
  const listener = machine.listen(all);
  await listener.open(interfaces('10.7.0.1', '10.7.0.2'));
  const open = machine.open.length;
  // As for a server that is not root any more.
  machine.refused.set('10.7.0.1', 'EACCES');
  expect(await listener.follow(interfaces('10.7.0.2'))).toEqual({ came: [], gone: [at('10.7.0.1')] });
  expect(listener.addresses).toEqual([at('10.7.0.2')]);
  expect(machine.open.length).toBe(open);
  expect(await listener.follow(interfaces('10.7.0.2'))).toBeUndefined();
  expect(await listener.follow(interfaces('10.7.0.2', '10.7.0.1'))).toEqual({ came: [at('10.7.0.1')], gone: [] });
  expect(listener.addresses).toEqual([at('10.7.0.2'), at('10.7.0.1')]);
  expect(machine.notices).toEqual([]);
  await listener.follow(interfaces('10.7.0.2'));
  await listener.close();
  expect(machine.open).toEqual([]);
});

const linkLocal = (scopeid: number): Interfaces => ({
  eth0: [{ family: 'IPv6', address: 'fe80::1', scopeid, netmask: 'ffff:ffff:ffff:ffff::', mac: '', internal: false, cidr: null }],
});

describe.each([
  ['a link-local address', { address: '::', port: 69 }, (_machine: Machine, number: number) => linkLocal(number)],
  [
    'an address of a named interface',
    { interface: 'eth0', port: 69 },
    (machine: Machine, number: number) => {
      machine.devices.set('eth0', number);
      return interfaces('10.7.0.1');
    },
  ],
])('sockets of %s are tied to its interface: one that is made anew under the old name', (_what, on, as) => {
  test.each([true, false])('is bound anew, also if nobody has seen it away (away: %s)', async (away) => {
    const machine = new Machine();
    const listener = machine.listen(on);
    await listener.open(as(machine, 2));
    const bound = machine.bound;
    if (away) await listener.follow({ eth0: [] });
    await listener.follow(as(machine, 2));
    expect(machine.bound).toBe(away ? 2 * bound : bound);
    await listener.follow(as(machine, 3));
    expect(machine.bound).toBe(away ? 3 * bound : 2 * bound);
    expect(machine.open).toHaveLength(bound);
    expect(listener.addresses).toHaveLength(1);
  });

  test.each([true, false])('is named where it cannot be bound anew (away: %s)', async (away) => {
    const machine = new Machine({ mayBind: false });
    const listener = machine.listen(on);
    await listener.open(as(machine, 2));
    const [address] = listener.addresses;
    machine.refused.set(address!.address, 'EACCES');
    if (away) await listener.follow({ eth0: [] });
    await listener.follow(as(machine, 2));
    expect(machine.notices).toEqual([]);
    expect(listener.addresses).toHaveLength(1);
    await listener.follow(as(machine, 3));
    expect(listener.addresses).toEqual([]);
    expect(machine.open).toEqual([]);
    expect(machine.notices).toMatchObject([{ fields: { addresses: [address!.address], code: 'EACCES' } }]);
  });
});

test('one that may bind it again closes them', async () => {
  const machine = new Machine();
  const listener = machine.listen(all);
  await listener.open(interfaces('10.7.0.1', '10.7.0.2'));
  await listener.follow(interfaces('10.7.0.2'));
  expect(machine.open.filter((name) => name.startsWith('10.7.0.1'))).toEqual([]);
});

test.each([
  ['EACCES', /^not permitted to listen on 10\.7\.0\.3, 10\.7\.0\.4 port 69, .* Three solutions: restart .*setcap.*systemd/],
  ['EADDRINUSE', /^10\.7\.0\.3, 10\.7\.0\.4 port 69 is in use, .*ss -ulpn sport = :69/],
  ['EMFILE', /^no descriptors are left to listen on 10\.7\.0\.3, 10\.7\.0\.4 port 69.*ulimit -n/],
  ['EINVAL', /^cannot listen on 10\.7\.0\.3, 10\.7\.0\.4 port 69 \(EINVAL\)/],
])('addresses that have come and cannot be bound (%s) are named once, and tried again', async (code, message) => {
  const machine = new Machine();
  const listener = machine.listen(all);
  await listener.open(interfaces('10.7.0.1'));
  for (const address of ['10.7.0.3', '10.7.0.4']) machine.refused.set(address, code);
  const now = interfaces('10.7.0.1', '10.7.0.3', '10.7.0.4');
  for (let look = 0; look < 3; look++) expect(await listener.follow(now)).toBeUndefined();
  const fields = { addresses: ['10.7.0.3', '10.7.0.4'], port: 69, code };
  expect(machine.notices).toEqual([{ fields, message: expect.stringMatching(message) }]);
  machine.refused.clear();
  expect(await listener.follow(now)).toEqual({ came: [at('10.7.0.3'), at('10.7.0.4')], gone: [] });
  // Gone and back, it is news again.
  machine.refused.set('10.7.0.3', code);
  await listener.follow(interfaces('10.7.0.1'));
  await listener.follow(interfaces('10.7.0.1', '10.7.0.3'));
  expect(machine.notices).toHaveLength(2);
});

test('an address that is still being checked is tried again without a word', async () => {
  const machine = new Machine();
  const listener = machine.listen(all);
  await listener.open(interfaces('10.7.0.1'));
  machine.refused.set('10.7.0.3', 'EADDRNOTAVAIL');
  for (let look = 0; look < 3; look++) await listener.follow(interfaces('10.7.0.1', '10.7.0.3'));
  expect(machine.notices).toEqual([]);
});

test.each([
  [1, 64],
  [7, 64],
  [20, 24],
  [60, 7],
  [200, 4],
  [1, 24, 50],
  [1, 4, 5],
])('%i addresses have %i ports for transfers each, or nearly', async (count, each, sockets?: number) => {
  const machine = new Machine({ sockets });
  const addresses = Array.from({ length: count }, (_, i) => `10.7.${i >> 7}.${(i & 127) + 1}`);
  await machine.listen(all).open(interfaces(...addresses));
  for (const address of addresses) {
    const ports = machine.open.filter((name) => name.startsWith(`${address}:`)).length - 1;
    expect(Math.abs(ports - each)).toBeLessThanOrEqual(1);
  }
});

test('addresses leave the descriptors that are for files, and those without are named; what goes makes room', async () => {
  const machine = new Machine({ sockets: 768 });
  const addresses = Array.from({ length: 500 }, (_, i) => `10.7.${i >> 7}.${(i & 127) + 1}`);
  const listener = machine.listen(all);
  await listener.open(interfaces(...addresses));
  expect(machine.open.length).toBeGreaterThan(760);
  expect(machine.open.length).toBeLessThanOrEqual(768);
  const served = listener.addresses.length;
  expect(served).toBe(153);
  expect(machine.notices).toHaveLength(1);
  expect(machine.notices[0]!.fields).toEqual({ addresses: addresses.slice(served), port: 69, code: 'EMFILE' });
  expect(await listener.follow(interfaces(...addresses.slice(100)))).toMatchObject({
    came: { length: 100 },
    gone: { length: 100 },
  });
  expect(machine.open.length).toBeLessThanOrEqual(768);
  expect(machine.notices).toHaveLength(1);
  await listener.close();
  expect(machine.open).toEqual([]);
});

test('a setting that no descriptor is left for does not end a start that serves by another, but one that serves by none', async () => {
  const machine = new Machine({ sockets: 10 });
  const first = machine.listen(all);
  await first.open(interfaces('10.7.0.1', '10.7.0.2', '10.7.0.3'));
  const second = machine.listen({ address: '0.0.0.0', port: 70 });
  await second.open(interfaces('10.7.0.1'));
  expect(second.addresses).toEqual([]);
  expect(machine.notices.map(({ fields }) => fields)).toEqual([
    { addresses: ['10.7.0.3'], port: 69, code: 'EMFILE' },
    { addresses: ['10.7.0.1'], port: 70, code: 'EMFILE' },
  ]);
  const none = new Machine({ sockets: 3 });
  const failure = await none
    .listen(all)
    .open(interfaces('10.7.0.1'))
    .catch((error) => error);
  expect(listenProblem(failure)).toMatch(/^no descriptors are left to listen on 10\.7\.0\.1 port 69: .*ulimit -n/);
});

test('in single-port mode an address takes one descriptor', async () => {
  const machine = new Machine();
  await machine.listen(all, true).open(interfaces('10.7.0.1', '10.7.0.2'));
  expect(machine.open).toEqual(['10.7.0.1:69', '10.7.0.2:69']);
});
