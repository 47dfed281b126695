/**
 * Machines (network namespaces) and wires between them. Leaving the scope takes everything away.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { run } from '../kit/pxe.ts';

/** One end of a wire. */
export interface End {
  readonly machine: string;
  /** The interface that it is plugged into, made here. */
  readonly device: string;
  /** With prefix length: `10.77.0.1/24`. */
  readonly addresses?: readonly string[];
  /** Chosen by the kernel unless given. */
  readonly mac?: string;
}

/** How long a wire is, and how wide. */
export interface Measures {
  readonly rttMs: number;
  readonly bitsPerSecond: number;
}

/** What has gone through a wire that is made in user space. */
export interface Relay {
  /** `DEVICE UDP4 TOS` or `DEVICE UDP6 TOS` for each type of service that packets from a device came with. */
  readonly seen: readonly string[];
}

/** Other work on the machine must not look like a slow network. */
export const FIRST = ['chrt', '--rr', '1'];

const relayScript = fileURLToPath(new URL('relay.ts', import.meta.url));

export class Namespaces implements AsyncDisposable {
  readonly #id = randomBytes(4).toString('hex');
  readonly #machines: string[] = [];
  readonly #relays: ChildProcess[] = [];

  private constructor() {}

  static async make(...machines: readonly string[]): Promise<Namespaces> {
    const network = new Namespaces();
    try {
      for (const machine of machines) await network.#add(machine);
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What runs a command on a machine. */
  on(machine: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name(machine)];
  }

  /** `ip ARGS` on a machine. */
  ip(machine: string, ...args: readonly string[]): Promise<string> {
    return must(['ip', '-n', this.#name(machine), ...args]);
  }

  /** A short wire. */
  async cable(one: End, other: End): Promise<void> {
    const mac = ({ mac: given }: End) => (given === undefined ? [] : ['address', given]);
    const peer = ['peer', 'name', other.device, ...mac(other), 'netns', this.#name(other.machine)];
    await this.ip(one.machine, 'link', 'add', one.device, ...mac(one), 'type', 'veth', ...peer);
    for (const end of [one, other]) await this.#plug(end);
  }

  /** A long wire, of the kernel's netem. Returns false, and nothing is made, if this kernel has none. */
  async netem(one: End, other: End, { rttMs, bitsPerSecond }: Measures): Promise<boolean> {
    const shape = ['root', 'netem', 'delay', `${rttMs / 2}ms`, 'rate', `${bitsPerSecond}bit`, 'limit', '100000'];
    const probe = await run(['tc', '-n', this.#name(one.machine), 'qdisc', 'add', 'dev', 'lo', ...shape]);
    if (/qdisc kind is unknown/.test(probe.stderr)) return false;
    await this.cable(one, other);
    for (const { machine, device } of [one, other]) {
      await must(['tc', '-n', this.#name(machine), 'qdisc', 'add', 'dev', device, ...shape]);
    }
    return true;
  }

  /** A long wire in user space. */
  async relay(one: End, other: End, { rttMs, bitsPerSecond }: Measures): Promise<Relay> {
    const args = [one.device, other.device, String(rttMs / 2), String(bitsPerSecond)];
    const [program, ...rest] = [...this.on(one.machine), ...FIRST, process.execPath, relayScript, ...args];
    const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#relays.push(child);
    const lines = createInterface(child.stdout);
    const seen: string[] = [];
    const [first] = await Promise.race([once(lines, 'line'), once(child, 'close')]);
    if (first !== 'ready') throw new Error('the relay has not started');
    lines.on('line', (line) => void seen.push(line));
    await this.ip(one.machine, 'link', 'set', other.device, 'netns', this.#name(other.machine));
    for (const end of [one, other]) {
      await this.ip(end.machine, 'link', 'set', end.device, 'txqueuelen', '10000');
      await this.#plug(end);
    }
    return { seen };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const relay of this.#relays) {
      const closed = once(relay, 'close');
      if (relay.kill('SIGKILL')) await closed;
    }
    for (const machine of this.#machines) await must(['ip', 'netns', 'delete', this.#name(machine)]);
  }

  async #add(machine: string): Promise<void> {
    await must(['ip', 'netns', 'add', this.#name(machine)]);
    this.#machines.push(machine);
    await this.ip(machine, 'link', 'set', 'lo', 'up');
    // What comes by an interface that the way back does not lead through is dropped by some systems.
    for (const which of ['all', 'default']) await this.#set(machine, `ipv4/conf/${which}/rp_filter`, 0);
    // An IPv6 address is good at once: nobody here has another's.
    await this.#set(machine, 'ipv6/conf/default/accept_dad', 0);
  }

  async #set(machine: string, key: string, value: number): Promise<void> {
    await must([...this.on(machine), 'sh', '-c', `echo ${value} > /proc/sys/net/${key}`]);
  }

  async #plug({ machine, device, addresses = [] }: End): Promise<void> {
    for (const address of addresses) await this.ip(machine, 'address', 'add', address, 'dev', device);
    await this.ip(machine, 'link', 'set', device, 'up');
  }

  #name(machine: string): string {
    return `pxe-${this.#id}-${machine}`;
  }
}

/** Runs a command; returns what it prints. */
export async function must(command: readonly string[]): Promise<string> {
  const { code, signal, stdout, stderr } = await run(command);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code ?? signal}: ${stderr}`);
  return stdout;
}
