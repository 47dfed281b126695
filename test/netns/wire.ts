/**
 * A wire with machines on it: a bridge between the server and each of them, and one machine behind a router. dnsmasq gives IPv4
 * leases, for which busybox asks; IPv6 addresses are there from the beginning. Leaving the scope takes everything away.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must, Namespaces } from './namespaces.ts';

/** The server's addresses. */
export const server = { ipv4: '10.78.0.1', ipv6: 'fd78::1', linkLocal: 'fe80::1' } as const;
const bridge = 'lab0';

export interface Machine {
  readonly mac: string;
  /** Runs a command on it, and returns what the command wrote. Throws if it fails. */
  run(...command: readonly string[]): Promise<string>;
}

export interface Wire extends AsyncDisposable {
  /** An empty folder. */
  readonly folder: string;
  /** What runs a command where the server is. */
  readonly prefix: readonly string[];
  readonly machines: readonly Machine[];
  /** Its packets come by a router, whose MAC address is all that the wire shows; its address is 10.79.0.2. */
  readonly distant: Machine;
  /** Where dnsmasq keeps its leases, once it runs. */
  readonly leaseFile: string;
  /** Starts dnsmasq. */
  startDhcp(): Promise<void>;
  /** Has a machine take an address by DHCP, and returns it. */
  lease(machine: Machine): Promise<string>;
}

export async function makeWire(macs: readonly string[]): Promise<Wire> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-wire-'));
  const leaseFile = join(folder, 'dnsmasq.leases');
  const pidFile = join(folder, 'dnsmasq.pid');
  const script = join(folder, 'lease.sh');
  await writeFile(script, leaseScript);
  await chmod(script, 0o755);
  const names = macs.map((_, index) => `machine${index}`);
  const network = await Namespaces.make('server', 'router', 'distant', ...names);

  const dismantle = async (): Promise<void> => {
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
    if (pid > 0) process.kill(pid);
    await network[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  };

  const machine = (name: string, mac: string): Machine => ({
    mac,
    run: (...command) => must([...network.on(name), ...command]),
  });

  /** Plugs a machine's card into the bridge. */
  const plugIn = async (name: string, mac: string, address: string): Promise<Machine> => {
    await network.cable({ machine: 'server', device: name }, { machine: name, device: 'eth0', mac, addresses: [address] });
    await network.ip('server', 'link', 'set', name, 'master', bridge);
    return machine(name, mac);
  };

  try {
    await network.ip('server', 'link', 'add', bridge, 'type', 'bridge');
    await network.ip('server', 'link', 'set', bridge, 'up');
    for (const address of [`${server.ipv4}/24`, `${server.ipv6}/64`, `${server.linkLocal}/64`]) {
      await network.ip('server', 'address', 'add', address, 'dev', bridge);
    }
    const machines: Machine[] = [];
    for (const [index, mac] of macs.entries()) machines.push(await plugIn(names[index]!, mac, `fd78::1:${index}/64`));
    const router = await plugIn('router', '52:54:00:00:01:00', '10.78.0.254/24');
    await router.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    const distant = machine('distant', '52:54:00:00:02:00');
    await network.cable(
      { machine: 'router', device: 'far', addresses: ['10.79.0.1/24'] },
      { machine: 'distant', device: 'eth0', mac: distant.mac, addresses: ['10.79.0.2/24'] },
    );
    await network.ip('distant', 'route', 'add', 'default', 'via', '10.79.0.1');
    await network.ip('server', 'route', 'add', '10.79.0.0/24', 'via', '10.78.0.254');

    return {
      folder,
      leaseFile,
      machines,
      distant,
      prefix: network.on('server'),
      startDhcp: async () => {
        const settings = ['--conf-file=/dev/null', '--port=0', `--interface=${bridge}`, '--bind-interfaces'];
        const files = [`--pid-file=${pidFile}`, `--dhcp-leasefile=${leaseFile}`, '--log-facility=/dev/null'];
        const dhcp = ['--user=root', '--no-ping', '--dhcp-range=10.78.0.50,10.78.0.99,1h'];
        // It returns when it is ready, and goes on as a daemon.
        await must([...network.on('server'), 'dnsmasq', ...settings, ...files, ...dhcp]);
      },
      lease: async (of) => {
        const output = await of.run('busybox', 'udhcpc', '-i', 'eth0', '-f', '-q', '-n', '-t', '8', '-T', '1', '-s', script);
        const address = /^TAKEN (\S+)/m.exec(output)?.[1];
        if (address === undefined) throw new Error(`no lease:\n${output}`);
        return address;
      },
      [Symbol.asyncDispose]: dismantle,
    };
  } catch (error) {
    await dismantle();
    throw error;
  }
}

/** What busybox runs with the lease in its environment. */
const leaseScript = `#!/bin/sh
case $1 in bound | renew) ip address replace "$ip/24" dev "$interface" && echo "TAKEN $ip" ;; esac
`;
