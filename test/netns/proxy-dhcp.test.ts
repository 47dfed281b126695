/**
 * proxyDHCP on real interfaces: each wire is answered by its own address, through relays as well; the DHCP server on the same host goes on
 * hearing what is meant for it; and other clients than boot firmware hear nothing from us.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { decodePacket, encodePacket, MessageType, Option, textBytes, textOf } from '../../src/dhcp/protocol/packet.ts';
import { nativeUnavailableReason } from '../../src/net/native/libc.ts';
import { dhcpVectors } from '../dhcp/protocol/vectors.ts';
import { type Folder, folder } from '../kit/lab.ts';
import { type Served, serve } from '../kit/serve.ts';
import { describeWith, requireRoot, requireTools } from '../kit/tools.ts';
import { must, Namespaces } from './namespaces.ts';

const askScript = fileURLToPath(new URL('ask-dhcp.ts', import.meta.url));
const manyScript = fileURLToPath(new URL('many-dhcp.ts', import.meta.url));
const needs = [
  ...requireTools('ip', 'dnsmasq', 'dhcpd', 'kea-dhcp4', 'dhcrelay', 'busybox'),
  requireRoot(),
  { what: `the native transport (${nativeUnavailableReason()})`, met: nativeUnavailableReason() === undefined },
];
const BROADCAST = '255.255.255.255';
/** Long enough for an answer on a busy machine, and for one that should not come. */
const WAIT_MS = 1500;

const vector = (name: string) => Buffer.from(dhcpVectors.find((one) => one.name === name)!.bytes).toString('hex');
const UEFI = vector('ovmf-x64-discover-67');

interface Answer {
  readonly from: string;
  readonly port: number;
  readonly file: string;
  readonly siaddr: string;
  readonly yiaddr: string;
  readonly type: number | undefined;
  readonly vendorClass: string;
}

/** A command on a machine, in the background; its lines as they come. */
function run(network: Namespaces, machine: string, ...command: readonly string[]): { child: ChildProcess; lines: string[] } {
  const [program, ...args] = [...network.on(machine), ...command];
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', (line) => void lines.push(line));
  onTestFinished(async () => {
    const ended = once(child, 'close');
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended;
  });
  return { child, lines };
}

async function ask(network: Namespaces, machine: string, ...requests: readonly string[]): Promise<readonly Answer[]> {
  return asking(network, machine, [BROADCAST, '67', '68'], requests);
}

async function asking(
  network: Namespaces,
  machine: string,
  [to, port, fromPort]: readonly [string, string, string],
  requests: readonly string[],
): Promise<readonly Answer[]> {
  const command = [process.execPath, askScript, to, port, fromPort, String(WAIT_MS), ...requests];
  const output = await must([...network.on(machine), ...command]);
  return output
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { from, port, hex } = JSON.parse(line) as { from: string; port: number; hex: string };
      const { file, siaddr, yiaddr, options } = decodePacket(Buffer.from(hex, 'hex'))!;
      return {
        from,
        port,
        file,
        siaddr,
        yiaddr,
        type: options.get(Option.messageType)?.[0],
        vendorClass: textOf(options.get(Option.vendorClass) ?? new Uint8Array(0)),
      };
    });
}

/** A folder with a config whose only plugin tells every machine to boot `boot.efi`. */
async function configured(dhcp: object, tftp: object = {}): Promise<Folder> {
  const at = folder();
  at.put(
    'pxe.config.ts',
    `import { definePlugin } from 'pxe';
     import { accessLog, identify } from 'pxe/plugins';
     const boot = definePlugin({ name: 'boot', setup: () => ({ boot: () => 'boot.efi' }) });
     export default {
       rootDir: './ROOT',
       tftp: ${JSON.stringify(tftp)},
       dhcp: ${JSON.stringify(dhcp)},
       plugins: [identify({ dhcp: true }), boot(), accessLog()],
     };\n`,
  );
  return at;
}

async function served(network: Namespaces, dhcp: object = {}, tftp: object = {}): Promise<Served> {
  const at = await configured(dhcp, tftp);
  const server = await serve({ flags: ['--config', join(at.path, 'pxe.config.ts')], prefix: network.on('server'), cwd: at.path });
  onTestFinished(() => server[Symbol.asyncDispose]());
  await server.logged(({ msg }) => msg === 'ready', 15_000);
  return server;
}

/** A server and a client on one wire. */
async function oneWire(): Promise<Namespaces> {
  const network = await Namespaces.make('server', 'client');
  await network.cable(
    { machine: 'server', device: 'lab0', addresses: ['10.77.0.1/24'] },
    { machine: 'client', device: 'eth0', addresses: ['10.77.0.10/24'] },
  );
  await network.ip('client', 'route', 'add', BROADCAST, 'dev', 'eth0');
  return network;
}

/** Gives addresses only. */
async function startDnsmasq(network: Namespaces, machine: string, ...settings: readonly string[]): Promise<void> {
  const at = folder();
  const files = [`--dhcp-leasefile=${at.path}/leases`, `--pid-file=${at.path}/pid`, '--log-facility=-', '--log-dhcp'];
  const common = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--no-ping'];
  const { lines } = run(network, machine, 'dnsmasq', ...common, ...files, ...settings);
  await expect.poll(() => lines.join('\n'), { timeout: 10_000 }).toContain('started');
}

interface Daemon {
  readonly name: string;
  start(network: Namespaces): Promise<void>;
}

/** DHCP servers that share port 67, on the server; they give addresses only. */
const daemons: readonly Daemon[] = [
  {
    name: 'dnsmasq',
    start: (network) =>
      startDnsmasq(network, 'server', '--interface=lab0', '--bind-interfaces', '--dhcp-range=10.77.0.50,10.77.0.60,1h'),
  },
  {
    name: 'ISC dhcpd',
    async start(network) {
      const at = folder();
      at.put('dhcpd.conf', 'ping-check false;\nsubnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.50 10.77.0.60; }\n');
      at.put('leases', '');
      const files = ['-cf', `${at.path}/dhcpd.conf`, '-lf', `${at.path}/leases`, '-pf', `${at.path}/pid`];
      const { lines } = run(network, 'server', 'dhcpd', '-4', '-d', '-f', ...files, 'lab0');
      await expect.poll(() => lines.join('\n'), { timeout: 10_000 }).toContain('Server starting service');
    },
  },
  {
    name: 'Kea',
    async start(network) {
      const at = folder();
      const subnet = { id: 1, subnet: '10.77.0.0/24', pools: [{ pool: '10.77.0.50-10.77.0.60' }] };
      const storage = { 'lease-database': { type: 'memfile', persist: false } };
      const config = { 'interfaces-config': { interfaces: ['lab0'] }, ...storage, subnet4: [subnet] };
      at.put('kea.json', JSON.stringify({ Dhcp4: config }));
      const folders = [`KEA_PIDFILE_DIR=${at.path}`, `KEA_LOCKFILE_DIR=${at.path}`];
      const { lines } = run(network, 'server', 'env', ...folders, 'kea-dhcp4', '-c', `${at.path}/kea.json`);
      await expect.poll(() => lines.join('\n'), { timeout: 15_000 }).toContain('DHCP4_STARTED');
    },
  },
];

describeWith('proxyDHCP', needs, () => {
  test('answers each wire by the address that the server has there', async () => {
    await using network = await Namespaces.make('server', 'near', 'far');
    for (const [machine, net] of [
      ['near', 77],
      ['far', 78],
    ] as const) {
      await network.cable(
        { machine: 'server', device: `lab${net}`, addresses: [`10.${net}.0.1/24`, `10.${net}.0.2/24`] },
        { machine, device: 'eth0', addresses: [`10.${net}.0.10/24`] },
      );
      await network.ip(machine, 'route', 'add', BROADCAST, 'dev', 'eth0');
    }
    const server = await served(network);
    const [near, farMeanwhile] = await Promise.all([ask(network, 'near', UEFI), ask(network, 'far')]);
    const offer = { port: 67, file: 'boot.efi', yiaddr: '0.0.0.0', type: MessageType.offer, vendorClass: 'PXEClient' };
    expect(near).toEqual([{ ...offer, from: '10.77.0.1', siaddr: '10.77.0.1' }]);
    expect(farMeanwhile).toEqual([]);
    expect(await ask(network, 'far', UEFI)).toEqual([{ ...offer, from: '10.78.0.1', siaddr: '10.78.0.1' }]);
    // The boot server answers by the address that was asked, from its own port.
    const request = vector('ovmf-x64-request-4011');
    for (const address of ['10.77.0.1', '10.77.0.2']) {
      const answers = await asking(network, 'near', [address, '4011', '4011'], [request]);
      expect(answers).toMatchObject([{ from: address, port: 4011, siaddr: address, file: 'boot.efi', type: MessageType.ack }]);
    }
    // An interface that comes later.
    await network.ip('server', 'link', 'set', 'lab78', 'down');
    await network.ip('server', 'address', 'flush', 'dev', 'lab78');
    await server.logged(({ msg, gone }) => msg === 'listening addresses changed' && JSON.stringify(gone).includes('"port":67'));
    await network.ip('server', 'address', 'add', '10.78.0.3/24', 'dev', 'lab78');
    await network.ip('server', 'link', 'set', 'lab78', 'up');
    await server.logged(
      ({ msg, came }) => msg === 'listening addresses changed' && JSON.stringify(came).includes('"10.78.0.3","port":67'),
    );
    expect(await ask(network, 'far', UEFI)).toEqual([{ ...offer, from: '10.78.0.3', siaddr: '10.78.0.3' }]);
  });

  test('serves an interface that is removed and created anew under its name', async () => {
    await using network = await oneWire();
    await served(network, {}, { listen: [{ address: '127.0.0.1', port: 0 }] });
    await network.ip('server', 'link', 'delete', 'lab0');
    await network.cable(
      { machine: 'server', device: 'lab0', addresses: ['10.77.0.1/24'] },
      { machine: 'client', device: 'eth0', addresses: ['10.77.0.10/24'] },
    );
    await network.ip('client', 'route', 'add', BROADCAST, 'dev', 'eth0');
    // It is found within two seconds.
    let answers: readonly Answer[] = [];
    for (let tries = 0; tries < 5 && answers.length === 0; tries++) answers = await ask(network, 'client', UEFI);
    expect(answers).toMatchObject([{ from: '10.77.0.1', file: 'boot.efi' }]);
  });

  test('serves one wire with the portable sockets', async () => {
    await using network = await oneWire();
    await served(network, {}, { transport: 'portable' });
    expect(await ask(network, 'client', UEFI)).toMatchObject([{ from: '10.77.0.1', siaddr: '10.77.0.1', file: 'boot.efi' }]);
    const answers = await asking(network, 'client', ['10.77.0.1', '4011', '4011'], [vector('ovmf-x64-request-4011')]);
    expect(answers).toMatchObject([{ from: '10.77.0.1', port: 4011, type: MessageType.ack }]);
  });

  test.each([
    ['ISC dhcrelay, which adds option 82', ['dhcrelay', '-4', '-d', '-a', '-iu', 'upper', '-id', 'lower', '10.77.0.1']],
    [
      'dnsmasq',
      [
        'dnsmasq',
        '--keep-in-foreground',
        '--conf-file=/dev/null',
        '--port=0',
        '--user=root',
        '--log-facility=-',
        '--dhcp-relay=10.79.0.1,10.77.0.1',
      ],
    ],
  ] as const)('answers through a relay: %s', async (_, command) => {
    await using network = await Namespaces.make('server', 'relay', 'client');
    await network.cable(
      { machine: 'server', device: 'lab0', addresses: ['10.77.0.1/24'] },
      { machine: 'relay', device: 'upper', addresses: ['10.77.0.9/24'] },
    );
    await network.cable(
      { machine: 'relay', device: 'lower', addresses: ['10.79.0.1/24'] },
      { machine: 'client', device: 'eth0', addresses: ['10.79.0.10/24'] },
    );
    await network.ip('client', 'route', 'add', BROADCAST, 'dev', 'eth0');
    await network.ip('server', 'route', 'add', '10.79.0.0/24', 'via', '10.77.0.9');
    const server = await served(network, { relays: ['10.79.0.0/24'] });
    run(network, 'relay', ...command);
    // A relay that has just been started may not listen yet.
    let answers: readonly Answer[] = [];
    for (let tries = 0; tries < 5 && answers.length === 0; tries++) answers = await ask(network, 'client', UEFI);
    expect(answers).toMatchObject([{ from: '10.79.0.1', siaddr: '10.77.0.1', file: 'boot.efi', yiaddr: '0.0.0.0' }]);
    const line = await server.logged(({ msg }) => msg === 'boot offered');
    expect(line).toMatchObject({ relay: '10.79.0.1', mac: '52:54:00:a5:00:03', firmware: 'uefi-x64' });
  });

  test('is silent to busybox, to U-Boot and to other classes, which get their address from the DHCP server', async () => {
    await using network = await oneWire();
    const server = await served(network);
    await startDnsmasq(network, 'server', '--interface=lab0', '--bind-interfaces', '--dhcp-range=10.77.0.50,10.77.0.60,1h');
    const others = ['other-vendor-discover-67', 'uboot-arm64-discover-67', 'udhcpc-discover-67'].flatMap((name) =>
      dhcpVectors.filter((one) => one.name === name).map(({ bytes }) => Buffer.from(bytes).toString('hex')),
    );
    expect(others.length).toBeGreaterThanOrEqual(2);
    const answers = await ask(network, 'client', ...others);
    expect(answers.filter(({ yiaddr }) => yiaddr === '0.0.0.0')).toEqual([]);
    const taken = await must([
      ...network.on('client'),
      'busybox',
      'udhcpc',
      '-i',
      'eth0',
      '-f',
      '-q',
      '-n',
      '-s',
      await leaseScript(),
    ]);
    expect(taken).toMatch(/^TAKEN 10\.77\.0\.5\d$/m);
    expect(server.log.filter(({ msg }) => String(msg).startsWith('boot'))).toEqual([]);
  });

  test.each(daemons)('shares port 67 with $name on the same host, whose clients keep their leases', async ({ start }) => {
    await using network = await oneWire();
    await served(network);
    await start(network);
    // Firmware gets both offers: the address from one, the file from the other.
    const answers = await ask(network, 'client', UEFI);
    expect(answers.filter(({ yiaddr }) => yiaddr !== '0.0.0.0')).toHaveLength(1);
    expect(answers.filter(({ file }) => file === 'boot.efi')).toHaveLength(1);
    // A renewal is sent to the server's address alone.
    const client = run(network, 'client', 'busybox', 'udhcpc', '-i', 'eth0', '-f', '-n', '-t', '8', '-s', await leaseScript());
    const taken = () => client.lines.filter((line) => line.startsWith('TAKEN'));
    await expect.poll(() => taken().length, { timeout: 15_000 }).toBe(1);
    client.child.kill('SIGUSR1');
    await expect.poll(() => taken().length, { timeout: 15_000 }).toBe(2);
    expect(new Set(taken()).size).toBe(1);
  });

  test('leaves what relays forward to another DHCP server of the host, and says so', async () => {
    await using network = await oneWire();
    const server = await served(network, { relays: ['10.79.0.0/24'] });
    const udp = () => must([...network.on('server'), 'cat', '/proc/net/udp']);
    const port67 = async () => ((await udp()).match(/ 01004D0A:0043 /g) ?? []).length;
    expect(await port67()).toBe(1);
    await daemons[0]!.start(network);
    await server.logged(({ msg }) => String(msg).startsWith('another DHCP server runs on this host'));
    expect(await port67()).toBe(0);
  });

  test.each(daemons)('starts beside $name, which has the port already', async ({ start }) => {
    await using network = await oneWire();
    await start(network);
    await served(network);
    const answers = await ask(network, 'client', UEFI);
    expect(answers.filter(({ file }) => file === 'boot.efi')).toHaveLength(1);
  });

  test('tells what has port 67 and does not share it, and answers on port 4011 alone', async () => {
    await using network = await oneWire();
    const isPxe = ['--dhcp-match=set:pxe,93', '--dhcp-option-force=tag:pxe,60,PXEClient'];
    await startDnsmasq(network, 'server', ...isPxe, '--dhcp-range=10.77.0.50,10.77.0.60,1h');
    const started = served(network);
    await expect(started).rejects.toThrow(/10\.77\.0\.1 port 67 is in use by dnsmasq \(process \d+\)[\s\S]*bootServerOnly: true/);
    await served(network, { bootServerOnly: true });
    // The class in its offer is what makes firmware ask port 4011 of the same address.
    expect(await ask(network, 'client', UEFI)).toMatchObject([{ siaddr: '10.77.0.1', file: '', vendorClass: 'PXEClient' }]);
    const answers = await asking(network, 'client', ['10.77.0.1', '4011', '4011'], [vector('ovmf-x64-request-4011')]);
    expect(answers).toMatchObject([{ from: '10.77.0.1', port: 4011, file: 'boot.efi' }]);
  });

  test('answers a thousand machines that are switched on within a second', async () => {
    await using network = await oneWire();
    await served(network);
    const command = [process.execPath, manyScript, UEFI, '1000', '1000', '5000'];
    const { answered } = JSON.parse(await must([...network.on('client'), ...command])) as { answered: number };
    expect(answered).toBe(1000);
  });

  test('knows a machine by the address that it takes, when it asks for a file by TFTP', async () => {
    await using network = await oneWire();
    const server = await served(network);
    const discover = decodePacket(Buffer.from(UEFI, 'hex'))!;
    const request = encodePacket({
      ...discover,
      options: [
        [Option.messageType, Uint8Array.of(MessageType.request)],
        [Option.requestedAddress, Uint8Array.of(10, 77, 0, 10)],
        [Option.vendorClass, textBytes('PXEClient')],
        [Option.architecture, Uint8Array.of(0, 7)],
      ],
    });
    expect(await ask(network, 'client', UEFI, Buffer.from(request).toString('hex'))).toHaveLength(1);
    await must([...network.on('client'), 'busybox', 'tftp', '-g', '-r', 'absent', '-l', '/dev/null', '10.77.0.1']).catch(
      () => {},
    );
    const line = await server.logged(({ asked }) => asked === 'absent');
    expect(line).toMatchObject({ mac: '52:54:00:a5:00:03', macSource: 'dhcp' });
  });
});

/** What busybox runs with the lease in its environment. */
async function leaseScript(): Promise<string> {
  const file = join(folder().path, 'lease.sh');
  await writeFile(
    file,
    '#!/bin/sh\ncase $1 in bound | renew) ip address replace "$ip/24" dev "$interface" && echo "TAKEN $ip" ;; esac\n',
  );
  await chmod(file, 0o755);
  return file;
}
