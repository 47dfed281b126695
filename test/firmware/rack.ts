/**
 * A rack of machines to boot: a network namespace with one wire in it, dnsmasq for DHCP, QEMU for the machines.
 * Whatever serves the files is started in it by `prefix` and reached on `address`. Leaving the scope takes everything away.
 */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';

const prefixLength = 24;
const ranges = '10.77.0.50,10.77.0.99,1h';

export interface Rack extends AsyncDisposable {
  /** The server's address on the wire. */
  readonly address: string;
  /** What runs a command inside: `ip netns exec NAME`. */
  readonly prefix: readonly string[];
  /** DHCP that tells every machine to boot `file` from `address`. Its own TFTP stays off. */
  startDhcp(file: string): Promise<void>;
  /** Switches a machine on that boots from the network. */
  powerOn(options: MachineOptions): Machine;
}

export interface MachineOptions {
  /** A network card of QEMU: `e1000`, with properties if need be. */
  readonly card: string;
  /** The card's boot ROM. */
  readonly rom: string;
  readonly mac: string;
}

/** A machine that is on. */
export interface Machine extends AsyncDisposable {
  /**
   * Resolves when its serial console shows `text`, past or to come. Throws with the end of the console when time is up, or when
   * `hopeless` shows instead.
   */
  shows(text: string, timeoutMs: number, hopeless?: string): Promise<void>;
  /** All that its serial console has shown, without control sequences. */
  console(): string;
}

export async function makeRack(): Promise<Rack> {
  const name = `pxe-rack-${randomBytes(4).toString('hex')}`;
  const address = '10.77.0.1';
  const prefix = ['ip', 'netns', 'exec', name];
  const running: Watched[] = [];

  const dismantle = async () => {
    for (const one of running.splice(0).reverse()) await one.stop();
    await command('ip', 'netns', 'delete', name);
  };

  await command('ip', 'netns', 'add', name);
  try {
    await command('ip', '-n', name, 'link', 'set', 'lo', 'up');
    await command('ip', '-n', name, 'tuntap', 'add', 'dev', 'rack0', 'mode', 'tap');
    await command('ip', '-n', name, 'address', 'add', `${address}/${prefixLength}`, 'dev', 'rack0');
    await command('ip', '-n', name, 'link', 'set', 'rack0', 'up');
  } catch (error) {
    await dismantle();
    throw error;
  }

  return {
    address,
    prefix,
    startDhcp: async (file) => {
      const dnsmasq = watch([
        ...[...prefix, 'dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--log-facility=-', '--pid-file='],
        ...['--port=0', '--interface=rack0', '--bind-interfaces', '--user=root', '--leasefile-ro', '--no-ping'],
        ...[`--dhcp-range=${ranges}`, `--dhcp-boot=${file},,${address}`],
      ]);
      running.push(dnsmasq);
      await dnsmasq.shows('IP range', 5000);
    },
    powerOn: ({ card, rom, mac }) => {
      const qemu = watch([
        ...[...prefix, 'qemu-system-x86_64', '-accel', 'tcg', '-m', '128', '-nodefaults', '-no-user-config'],
        // Without graphics SeaBIOS copies what is written to the screen to the serial port, iPXE's console too.
        ...['-machine', 'pc,graphics=off', '-display', 'none', '-serial', 'stdio', '-boot', 'order=n', '-no-reboot'],
        ...['-netdev', 'tap,id=wire,ifname=rack0,script=no,downscript=no'],
        ...['-device', `${card},netdev=wire,mac=${mac},romfile=${rom}`],
      ]);
      running.push(qemu);
      return { shows: qemu.shows, console: qemu.output, [Symbol.asyncDispose]: qemu.stop };
    },
    [Symbol.asyncDispose]: dismantle,
  };
}

/** A process whose output is waited for. */
interface Watched {
  output(): string;
  shows(text: string, timeoutMs: number, hopeless?: string): Promise<void>;
  stop(): Promise<void>;
}

function watch([program, ...args]: readonly string[]): Watched {
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      text += error.message;
      resolve();
    });
    child.once('close', () => resolve());
  });
  const waiting = new Set<() => void>();
  let over = false;
  let text = '';
  const wakeAll = () => {
    for (const wake of waiting) wake();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      wakeAll();
    });
  }
  ended.then(() => {
    over = true;
    wakeAll();
  });

  const output = () => stripVTControlCharacters(text).replaceAll('\b', '').replaceAll('\r', '');
  const shows = async (wanted: string, timeoutMs: number, hopeless?: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (why: string) => reject(new Error(`${program} ${why} without showing "${wanted}":\n${output().slice(-3000)}`));
    const wake = () => {
      if (output().includes(wanted)) resolve();
      else if (over) fail('ended');
      else if (hopeless !== undefined && output().includes(hopeless)) fail('went on');
    };
    const timer = setTimeout(() => fail(`ran ${timeoutMs} ms`), timeoutMs);
    waiting.add(wake);
    wake();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(wake);
    }
  };
  return {
    output,
    shows,
    stop: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

function command(program: string, ...args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 10_000 }, (error) => (error === null ? resolve() : reject(error)));
  });
}
