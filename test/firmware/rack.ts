/**
 * A rack of machines to boot: a switch with a router that gives addresses (dnsmasq), a server, and machines (QEMU), in network
 * namespaces. Whatever serves the files is started by `prefix` and reached on `address`. Leaving the scope takes everything away.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Need, requireFiles, requireRoot, requireTools } from '../kit/tools.ts';
import { Namespaces } from '../netns/namespaces.ts';
import { type Firmware, qemu } from './qemu.ts';
import { type Watched, watch } from './watched.ts';

const ROUTER = '10.77.0.1';
const SERVER = '10.77.0.2';

export interface Rack extends AsyncDisposable {
  /** The server's address on the wire. */
  readonly address: string;
  /** The router's. */
  readonly router: string;
  /** What runs a command on the server: `ip netns exec NAME`. */
  readonly prefix: readonly string[];
  /** DHCP by dnsmasq, which gives addresses. Its own TFTP stays off. */
  startDhcp(options?: DhcpOptions): Promise<void>;
  /** Switches a machine on that boots from the network. */
  powerOn(options: MachineOptions): Promise<Machine>;
}

export interface DhcpOptions {
  /** Tells every machine to boot this file from the server. */
  readonly boot?: string;
  /** Where it runs. Default: on the router. */
  readonly on?: 'router' | 'server';
  /** Further flags of dnsmasq. */
  readonly flags?: readonly string[];
}

export interface MachineOptions {
  readonly firmware: Firmware;
  readonly mac: string;
}

/** A machine that is on. */
export interface Machine extends AsyncDisposable, Pick<Watched, 'shows'> {
  /** All that its serial console has shown, without control sequences. */
  console(): string;
}

/** What a rack needs, but for its machines. */
export function needsOfRack(): readonly Need[] {
  return [...requireTools('ip', 'dnsmasq'), ...requireFiles('/dev/net/tun'), requireRoot()];
}

export async function makeRack(): Promise<Rack> {
  const network = await Namespaces.make('switch', 'router', 'server');
  const folder = await mkdtemp(join(tmpdir(), 'pxe-rack-'));
  const running: Watched[] = [];
  let machines = 0;

  const dismantle = async () => {
    for (const one of running.splice(0).reverse()) await one.stop();
    await network[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  };
  const plug = (device: string) => network.ip('switch', 'link', 'set', device, 'master', 'wire', 'up');

  try {
    await network.ip('switch', 'link', 'add', 'wire', 'type', 'bridge', 'forward_delay', '0');
    await network.ip('switch', 'link', 'set', 'wire', 'up');
    const ends = { router: [`${ROUTER}/24`, 'fd77::1/64'], server: [`${SERVER}/24`] };
    for (const [machine, addresses] of Object.entries(ends)) {
      await network.cable({ machine: 'switch', device: machine }, { machine, device: 'eth0', addresses });
      await plug(machine);
    }
  } catch (error) {
    await dismantle();
    throw error;
  }

  return {
    address: SERVER,
    router: ROUTER,
    prefix: network.on('server'),
    startDhcp: async ({ boot, on = 'router', flags = [] } = {}) => {
      const dnsmasq = watch([
        ...[...network.on(on), 'dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--log-facility=-', '--pid-file='],
        ...['--port=0', '--interface=eth0', '--bind-interfaces', '--user=root', '--leasefile-ro', '--no-ping'],
        ...['--dhcp-range=10.77.0.50,10.77.0.99,1h', ...(boot === undefined ? [] : [`--dhcp-boot=${boot},,${SERVER}`])],
        // Without a router advertisement iPXE waits for one, 14 s.
        ...(on === 'router' ? ['--enable-ra', '--dhcp-range=fd77::,ra-only'] : []),
        ...flags,
      ]);
      running.push(dnsmasq);
      await dnsmasq.shows('IP range', 5000);
    },
    powerOn: async ({ firmware, mac }) => {
      const tap = `tap${machines++}`;
      await network.ip('switch', 'tuntap', 'add', 'dev', tap, 'mode', 'tap');
      await plug(tap);
      const variables = join(folder, `${tap}.fd`);
      const command = qemu(firmware, { tap, mac, variables });
      if (command.variables !== undefined) await copyFile(command.variables, variables);
      const machine = watch([...network.on('switch'), ...command.args]);
      running.push(machine);
      return { shows: machine.shows, console: machine.output, [Symbol.asyncDispose]: machine.stop };
    },
    [Symbol.asyncDispose]: dismantle,
  };
}
