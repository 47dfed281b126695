/**
 * A server that has become another user: an address of its machine goes and comes back, as with a DHCP client or a carrier that is
 * lost, and is served again; one that is new is named. And an attacker that forges ACKs to every port.
 */
import { chmodSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { nativeUnavailableReason } from '../../src/net/native/libc.ts';
import { folder } from '../kit/lab.ts';
import { run } from '../kit/pxe.ts';
import { serve } from '../kit/serve.ts';
import { describeWith, requireRoot, requireTools } from '../kit/tools.ts';
import { must, Namespaces } from './namespaces.ts';

const needs = [
  ...requireTools('ip', 'ss', 'curl', 'python3'),
  requireRoot(),
  { what: `the native transport (${nativeUnavailableReason()})`, met: nativeUnavailableReason() === undefined },
];

async function wired(config: object) {
  const at = folder();
  at.put('ROOT/file', 'hello');
  at.put('ROOT/big', new Uint8Array(6_000_000));
  at.put('pxe.config.json', JSON.stringify({ rootDir: 'ROOT', stableMs: 0, ...config }));
  // It is another user's to read.
  chmodSync(at.path, 0o755);
  const network = await Namespaces.make('server', 'client');
  onTestFinished(() => network[Symbol.asyncDispose]());
  await network.cable(
    { machine: 'server', device: 'lab0', addresses: ['10.77.0.1/24'] },
    { machine: 'client', device: 'eth0', addresses: ['10.77.0.2/24'] },
  );
  const served = await serve({ flags: [], cwd: at.path, prefix: network.on('server') });
  onTestFinished(() => served[Symbol.asyncDispose]());
  await served.logged(({ msg }) => msg === 'ready', 15_000);
  const get = async () => (await run([...network.on('client'), 'curl', '-sm3', 'tftp://10.77.0.1/file'])).stdout;
  return { network, served, get };
}

describeWith('addresses of a server that is not root any more', needs, () => {
  test.each(['native', 'portable'])('%s', async (transport) => {
    const { network, served, get } = await wired({ tftp: { transport }, user: 'nobody' });
    expect(await get()).toBe('hello');
    const address = ['10.77.0.1/24', 'dev', 'lab0'];
    await network.ip('server', 'address', 'del', ...address);
    const moved = ({ msg }: { readonly msg: string }) => msg === 'listening addresses changed';
    const { gone } = await served.logged(moved, 15_000);
    expect(gone).toContainEqual({ address: '10.77.0.1', port: 69 });
    await network.ip('server', 'address', 'add', ...address);
    const here = (list: unknown) => Array.isArray(list) && list.some((one) => one.address === '10.77.0.1');
    await served.logged((line) => moved(line) && here(line.came), 15_000);
    expect(await get()).toBe('hello');
    await network.ip('server', 'address', 'add', '10.77.0.33/24', 'dev', 'lab0');
    const warning = await served.logged(({ level, code }) => level === 40 && code === 'EACCES', 15_000);
    expect(warning).toMatchObject({ addresses: expect.arrayContaining(['10.77.0.33']), port: 69 });
    expect(warning.msg).toMatch(/not permitted to listen on .*10\.77\.0\.33.* port 69.*Three solutions/);
  });
});

describeWith('an interface that is made anew under its old name', needs, () => {
  test('is listened on again, also where that took less time than passes between two looks', async () => {
    const { network, get } = await wired({ tftp: { transport: 'native', listen: [{ interface: 'lab0', port: 69 }] } });
    expect(await get()).toBe('hello');
    await network.ip('server', 'link', 'delete', 'lab0');
    await network.cable(
      { machine: 'server', device: 'lab0', addresses: ['10.77.0.1/24'] },
      { machine: 'client', device: 'eth0', addresses: ['10.77.0.2/24'] },
    );
    await expect.poll(get, { timeout: 15_000, interval: 500 }).toBe('hello');
  });
});

/** Asks as 10.77.0.3, which is silent, and sends ACK 0 to each port that transfers happen on; prints what it spoofed. */
const attacker = `
import os, socket, struct, sys
options, ports = sys.argv[1], [int(port) for port in sys.argv[2].split(',')]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
spoofed = 0
def send(port, payload):
    global spoofed
    udp = struct.pack('>HHHH', 4321, port, 8 + len(payload), 0) + payload
    ip = struct.pack('>BBHHHBBH4s4s', 69, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton('10.77.0.3'), socket.inet_aton('10.77.0.1'))
    raw.sendto(ip + udp, ('10.77.0.1', 0))
    spoofed += 14 + len(ip + udp)
send(69, b'\\0\\1big\\0octet\\0' + options.encode().replace(b' ', b'\\0') + b'\\0')
import time
time.sleep(0.5)
for port in ports: send(port, b'\\0\\4\\0\\0')
print(spoofed)
`;

describeWith('forged ACKs', needs, () => {
  test.each([
    ['blksize 65464 windowsize 64', 1_000_000, 330],
    ['blksize 1468 windowsize 64', 60_000, 20],
  ])('%s: a silent victim gets %i bytes at the most, %i times what was spoofed', async (options, most, factor) => {
    const { network, served } = await wired({ tftp: { transport: 'native', listen: [{ address: '10.77.0.1', port: 69 }] } });
    // The victim takes what comes, and says nothing: no port unreachable, and nothing of its own.
    await network.ip('client', 'address', 'add', '10.77.0.3/24', 'dev', 'eth0');
    const sink = `import socket,time\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(('10.77.0.3',4321))\ntime.sleep(90)`;
    const victim = run([...network.on('client'), 'timeout', '90', 'python3', '-c', sink]);
    const bound = await must([...network.on('server'), 'ss', '-Hulnp']);
    const ports = [...bound.matchAll(/10\.77\.0\.1:(\d+)/g)].map((match) => match[1]).filter((port) => port !== '69');
    expect(ports).toHaveLength(64);
    const received = async () => {
      const stats = await must([...network.on('client'), 'cat', '/sys/class/net/eth0/statistics/rx_bytes']);
      return Number(stats);
    };
    const before = await received();
    const spoofed = Number(await must([...network.on('client'), 'python3', '-c', attacker, options, ports.join(',')]));
    await served.logged(({ msg }) => msg === 'never', 45_000).catch(() => {});
    const got = (await received()) - before;
    console.log(`${options}: ${spoofed} bytes spoofed, ${got} to the victim, ${(got / spoofed).toFixed(1)} times as much`);
    expect(got).toBeGreaterThan(spoofed);
    expect(got).toBeLessThanOrEqual(most);
    expect(got / spoofed).toBeLessThanOrEqual(factor);
    await served.stop();
    void victim;
  });
});
