/**
 * A DHCP service on a machine that is not there: a server with its config and plugins, interfaces that a test changes, and requests as
 * real clients sent them.
 */
import { systemClock } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import { CacheBudget } from '../../src/content/budget.ts';
import { SegmentCache } from '../../src/content/cache.ts';
import { Disks } from '../../src/content/disks.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { type DhcpOptions, DhcpService } from '../../src/dhcp/service.ts';
import { type Config, definePlugin, type ExchangeSummary, type Hooks } from '../../src/index.ts';
import type { Address } from '../../src/net/listening.ts';
import { ALL_RIGHTS } from '../../src/net/rights.ts';
import { Server } from '../../src/server/server.ts';
import type { Sightings } from '../../src/service/sightings.ts';
import { Stats } from '../../src/stats/stats.ts';
import { resolveConfig } from './config.ts';
import { FakeWireSockets, type Sent } from './wire-sockets.ts';

export interface DhcpRig extends AsyncDisposable {
  readonly server: Server;
  readonly sockets: FakeWireSockets;
  readonly ended: ExchangeSummary[];
  /** Lines of level `info` and above: level, message, fields. */
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[];
  /** Broadcasts a request on an interface, or sends it to an address; resolves with what was sent until nothing is under way. */
  ask(to: string, port: number, datagram: Uint8Array, from?: Address): Promise<readonly Sent[]>;
  /** The same, without waiting for what else is under way. */
  now(to: string, port: number, datagram: Uint8Array, from?: Address): Promise<readonly Sent[]>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  reload(config: Config): Promise<void>;
  readonly sightings: Sightings;
}

export const DISCOVERING: Address = { address: '0.0.0.0', port: 68 };

/** A plugin with these hooks. */
export const withHooks = (hooks: Hooks) => definePlugin({ name: 'test', setup: () => hooks })();

export async function dhcpRig(config: Config, options: Partial<DhcpOptions> = {}): Promise<DhcpRig> {
  const sockets = new FakeWireSockets();
  sockets.devices.set('eth0', ['10.214.0.2/24']).set('eth1', ['10.2.0.1/24']);
  const lines: DhcpRig['lines'] = [];
  const line = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields });
  const log: Log = { debug() {}, info: line('info'), warn: line('warn'), error: line('error'), child: () => log };
  const stats = new Stats();
  let seen: Sightings | undefined;
  const resolve = (one: Config) => resolveConfig(one, { dir: '/tmp' });
  const server = new Server(resolve(config), {
    log,
    stats,
    clock: systemClock,
    readMs: () => 1000,
    cache: new SegmentCache({ maxBytes: new CacheBudget(0), counters: stats }),
    disks: new Disks({ fileSystem: nodeFileSystem, clock: systemClock, counters: stats, onHung() {}, onRecovered() {} }),
    services: (host) => {
      seen = host.sightings;
      return [new DhcpService(host, { sockets: () => sockets, interfaces: sockets.interfaces, rights: ALL_RIGHTS, ...options })];
    },
  });
  const ended: ExchangeSummary[] = [];
  server.on('end', (summary) => void ended.push(summary));
  await server.start();
  const deliver = async (wait: () => Promise<void>, [to, port, datagram, from = DISCOVERING]: Parameters<DhcpRig['ask']>) => {
    const before = sockets.sent.length;
    sockets.deliver(to, port, datagram, from);
    await wait();
    return sockets.sent.slice(before);
  };
  const idle = async () => {
    while ((await server.exchanges()).length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return {
    server,
    sockets,
    ended,
    lines,
    idle,
    sightings: seen!,
    ask: (...asked) => deliver(idle, asked),
    now: (...asked) => deliver(() => new Promise((resolve) => setTimeout(resolve, 20)), asked),
    reload: async (next) => void (await server.reload(resolve(next))),
    [Symbol.asyncDispose]: () => server.stop(0),
  };
}
