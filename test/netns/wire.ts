/**
 * A wire with machines on it: a namespace for the server, one for each machine, a bridge between them, and one machine behind a
 * router. dnsmasq gives IPv4 leases, for which busybox asks; IPv6 addresses are there from the beginning. Leaving the scope takes
 * everything away.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../foreign/run.ts';

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
  const id = randomBytes(3).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'pxe-wire-'));
  const leaseFile = join(folder, 'dnsmasq.leases');
  const pidFile = join(folder, 'dnsmasq.pid');
  const script = join(folder, 'lease.sh');
  const made: string[] = [];

  const namespace = async (suffix: string): Promise<string> => {
    const name = `pxe-wire-${id}-${suffix}`;
    await must('ip', 'netns', 'add', name);
    made.push(name);
    // An address is good at once: nobody here has another's.
    await inside(name, 'sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; ip link set lo up');
    return name;
  };

  const dismantle = async (): Promise<void> => {
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
    if (pid > 0) process.kill(pid);
    for (const name of made.splice(0)) await run(['ip', 'netns', 'delete', name], 10_000);
    await rm(folder, { recursive: true, force: true });
  };

  /** A machine whose card is plugged into a bridge or a router. */
  const plugIn = async (
    into: string,
    port: string,
    mac: string,
    onBridge: boolean,
  ): Promise<Machine & { readonly name: string }> => {
    const name = await namespace(port);
    await must('ip', '-n', into, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'address', mac, 'netns', name);
    if (onBridge) await must('ip', '-n', into, 'link', 'set', port, 'master', bridge);
    await must('ip', '-n', into, 'link', 'set', port, 'up');
    await must('ip', '-n', name, 'link', 'set', 'eth0', 'up');
    return { name, mac, run: (...command) => inside(name, ...command) };
  };

  try {
    const home = await namespace('server');
    await must('ip', '-n', home, 'link', 'add', bridge, 'type', 'bridge');
    await must('ip', '-n', home, 'link', 'set', bridge, 'up');
    await must('ip', '-n', home, 'address', 'add', `${server.ipv4}/24`, 'dev', bridge);
    await must('ip', '-n', home, 'address', 'add', `${server.ipv6}/64`, 'dev', bridge);
    await must('ip', '-n', home, 'address', 'add', `${server.linkLocal}/64`, 'dev', bridge);
    const machines = [];
    for (const [index, mac] of macs.entries()) {
      const machine = await plugIn(home, `port${index}`, mac, true);
      await must('ip', '-n', machine.name, 'address', 'add', `fd78::1:${index}/64`, 'dev', 'eth0');
      machines.push(machine);
    }
    const router = await plugIn(home, 'router', '52:54:00:00:01:00', true);
    const distant = await plugIn(router.name, 'far', '52:54:00:00:02:00', false);
    await must('ip', '-n', router.name, 'address', 'add', '10.78.0.254/24', 'dev', 'eth0');
    await must('ip', '-n', router.name, 'address', 'add', '10.79.0.1/24', 'dev', 'far');
    await router.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    await must('ip', '-n', distant.name, 'address', 'add', '10.79.0.2/24', 'dev', 'eth0');
    await must('ip', '-n', distant.name, 'route', 'add', 'default', 'via', '10.79.0.1');
    await must('ip', '-n', home, 'route', 'add', '10.79.0.0/24', 'via', '10.78.0.254');
    await writeFile(script, leaseScript);
    await chmod(script, 0o755);

    return {
      folder,
      leaseFile,
      machines,
      distant,
      prefix: ['ip', 'netns', 'exec', home],
      startDhcp: async () => {
        // It returns when it is ready, and goes on as a daemon.
        await inside(
          home,
          ...[
            'dnsmasq',
            '--conf-file=/dev/null',
            '--port=0',
            `--interface=${bridge}`,
            '--bind-interfaces',
            '--user=root',
            '--no-ping',
          ],
          ...[`--pid-file=${pidFile}`, `--dhcp-leasefile=${leaseFile}`, '--log-facility=/dev/null'],
          '--dhcp-range=10.78.0.50,10.78.0.99,1h',
        );
      },
      lease: async (machine) => {
        const output = await machine.run('busybox', 'udhcpc', '-i', 'eth0', '-f', '-q', '-n', '-t', '8', '-T', '1', '-s', script);
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

function inside(namespace: string, ...command: readonly string[]): Promise<string> {
  return must('ip', 'netns', 'exec', namespace, ...command);
}

async function must(...command: readonly string[]): Promise<string> {
  const { exit, output } = await run(command, 20_000);
  if (exit !== 0) throw new Error(`${command.join(' ')} ended with ${exit}:\n${output}`);
  return output;
}
