/**
 * One seed: a whole server with its reloader, its machines and whatever people do to it, from its start to the moment when nothing
 * is left of it.
 */

import { peerKey, peerOf } from '../../src/base/peer.ts';
import { SegmentCache } from '../../src/content/cache.ts';
import { Disks } from '../../src/content/disks.ts';
import { DhcpService } from '../../src/dhcp/service.ts';
import { ALL_RIGHTS } from '../../src/net/rights.ts';
import type { ExchangeSummary } from '../../src/plugin/types.ts';
import { readMs } from '../../src/server/create.ts';
import { Reloader } from '../../src/server/reloader.ts';
import { Server } from '../../src/server/server.ts';
import type { ServiceHost } from '../../src/service/service.ts';
import { type CounterName, DROP_REASONS } from '../../src/stats/counters.ts';
import { Stats, type StatsSnapshot } from '../../src/stats/stats.ts';
import type { AskedOptions } from '../../src/tftp/client/options.ts';
import type { TftpExchange } from '../../src/tftp/exchange.ts';
import type { Counters } from '../../src/tftp/protocol/counters.ts';
import { TftpService } from '../../src/tftp/service.ts';
import { PortableTransport } from '../../src/tftp/transport/portable.ts';
import type { TransportEvents } from '../../src/tftp/transport/transport.ts';
import { EchoService } from '../kit/echo.ts';
import type { Link } from '../kit/network.ts';
import { type Random, seeded } from '../kit/random.ts';
import { CHANGES, Changes } from './changes.ts';
import { Downloader, type Machine, Prober, Stranger, Uploader } from './clients.ts';
import { SimulatedDhcp } from './dhcp.ts';
import { SimulatedEcho } from './echo.ts';
import { FILE_NAMES, judgeDownload, judgePatience, judgeUpload } from './judge.ts';
import { ConfigFile } from './loader.ts';
import { anyPlan, BOOT_SERVER_PORT, DHCP_PORT, FAILURES, type FailurePoint, TAKEN_PORT, UPLOADS } from './plan.ts';
import { ODD_READS, ODD_WRITES } from './plugins.ts';
import { World } from './world.ts';

/** The echo service moves with each second generation. */
const portOf = ({ number }: { readonly number: number }) => 7 + (number % 4 > 1 ? 1 : 0);

/** Everything but the end happens in this time. */
const BUSY_MS = 9000;
/** By then the last good save is in force. */
const CALM_MS = 13_000;
/** Nothing goes on for longer after a stop. */
const AFTERWARDS_MS = 200_000;
/** Reads that never settle (twice `idleMs`), a `setup` and three times `onDispose` that hang, a stall. */
const MOST_AFTER_GRACE_MS = 2 * 6000 + 4 * 700 + 1500 + 1000;
/** Uploads have sources of their own. */
const UPLOAD_SOURCES = 1000;

/** A fault put between the parts, to see whether it is found. */
const OUTCOMES = ['completed', 'probed', 'aborted', 'refused', 'failed'] as const;

export interface Mutant {
  readonly cache?: (maxBytes: number) => SegmentCache;
}

export interface Figures {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  readonly hash: string;
  readonly events: number;
  readonly virtualMs: number;
  readonly transfers: number;
  readonly reloads: number;
  readonly changes: number;
  readonly pluginFailures: number;
}

export interface SimulateOptions {
  readonly mutant?: Mutant;
  readonly trace?: (line: string) => void;
}

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Figures> {
  const random = seeded(seed * 7919 + 1);
  const world = new World({ seed, link: anyLink(random), trace: options.trace });
  const simulation = new Simulation(world, random, options.mutant ?? {});
  try {
    await simulation.run();
  } catch (error) {
    world.violated(`the simulation failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  const { counts } = world;
  return {
    seed,
    violations: world.violations,
    counts,
    hash: world.hash,
    events: world.network.events,
    virtualMs: world.now,
    transfers: world.ledger.transfers.size,
    reloads: simulation.reloads,
    changes: sum(counts, 'change: '),
    pluginFailures: counts.get('plugin failed') ?? 0,
  };
}

class Simulation {
  reloads = 0;
  readonly #world: World;
  readonly #random: Random;
  readonly #changes: Changes;
  readonly #config: ConfigFile;
  readonly #server: Server;
  readonly #reloader: Reloader;
  readonly #machines: Machine[] = [];
  readonly #echo: SimulatedEcho;
  readonly #dhcp: SimulatedDhcp;
  #dhcpService: DhcpService | undefined;
  readonly #unheard = new Map<string, number[]>();
  #saves = 0;
  #lastPort = 50_000;
  #stoppedAt = Number.POSITIVE_INFINITY;

  constructor(world: World, random: Random, mutant: Mutant) {
    this.#world = world;
    this.#random = random;
    this.#changes = new Changes(world);
    this.#echo = new SimulatedEcho(world);
    this.#dhcp = new SimulatedDhcp(world, () => this.#dhcpService?.underWay ?? []);
    world.files.makeFolder(UPLOADS);
    world.files.put(`${UPLOADS}/taken`, world.versions.bytes({ source: 998, version: 1 }, 100), { source: 998, version: 1 });
    world.files.delayMs = random.pick([0.2, 1, 5]);
    world.files.troubled = random.pick([0, 0, 0.01]);
    world.sockets.take('10.0.0.1', TAKEN_PORT);
    this.#config = new ConfigFile(world, anyPlan(random, 0));
    const maxBytes = random.pick([0, 70_000, 300_000, 4_000_000]);
    const stats = new Stats();
    const cache = mutant.cache?.(maxBytes) ?? new SegmentCache({ maxBytes, counters: stats });
    world.ledger.cache = cache;
    world.ledger.cacheBytes = maxBytes;
    this.#server = new Server(this.#config.resolved(this.#config.saved), {
      log: world.log,
      clock: world.clock,
      disks: new Disks({ fileSystem: world.files, clock: world.clock, counters: stats }),
      readMs,
      stats,
      cache,
      services: (host) => [this.#tftp(host), this.#dhcpOf(host), new EchoService(host, this.#echo, portOf)],
    });
    this.#reloader = new Reloader(
      {
        server: this.#server,
        log: world.log,
        clock: world.clock,
        load: () => this.#config.load(),
        watcher: (changed) => this.#config.watcher(changed),
      },
      this.#config.initialFiles,
    );
  }

  #tftp(host: ServiceHost): TftpService {
    const world = this.#world;
    return new TftpService(host, {
      transport: (events, limits, stats) => {
        const transport: PortableTransport<TftpExchange> = new PortableTransport({
          events: this.#observed(events, () => transport),
          limits,
          counters: this.#counting(stats),
          clock: world.clock,
          random: world.random('engine'),
          interfaces: world.sockets.networkInterfaces,
          bind: world.sockets.bind as never,
        });
        return transport;
      },
    });
  }

  #dhcpOf(host: ServiceHost): DhcpService {
    const interfaces = this.#world.sockets.networkInterfaces;
    this.#dhcpService = new DhcpService(host, { sockets: () => this.#dhcp, rights: ALL_RIGHTS, interfaces });
    return this.#dhcpService;
  }

  async run(): Promise<void> {
    const world = this.#world;
    this.#observeServer();
    let started = false;
    void this.#server.start().then(() => {
      started = true;
      void this.#reloader.start(world.wallTime);
    });
    world.ledger.swapped(this.#config.saved, 1);
    await world.run(1000);
    world.check(started, () => 'the server did not start');
    const rude = this.#random.chance(0.4);
    this.#plan();
    if (!rude) {
      await world.run(CALM_MS - 1000);
      this.#checkRecovery();
      const isTold = this.#dhcp.boot(false);
      await world.run(2000);
      world.check(world.ledger.plan?.dhcp !== 'on' || isTold(), () => 'a machine was not told what to boot');
    } else await world.run(this.#random.int(BUSY_MS - 2500, BUSY_MS));
    await this.#stop(rude);
    this.#checkLeftovers();
    this.#checkStats();
    for (const machine of this.#machines) this.#judge(machine);
  }

  /** Who does what, and when. */
  #plan(): void {
    const random = this.#random;
    const at = (ms: number, run: () => void) => this.#world.network.after(ms, () => this.#world.atServer(run));
    const outside = (ms: number, run: () => void) => void this.#world.network.after(ms, run);
    const some = (least: number, most: number, run: () => void) => {
      for (let i = random.int(least, most); i > 0; i--) run();
    };
    const when = () => random() * (BUSY_MS - 3500);
    some(12, 17, () => outside(when(), () => this.#download()));
    outside(when(), () => this.#download(undefined, `odd/${random.pick(ODD_READS)}`));
    some(3, 6, () => outside(when(), () => this.#upload()));
    some(1, 2, () => outside(when(), () => this.#probe()));
    some(2, 8, () => outside(when(), () => this.#dhcp.boot()));
    some(0, 1, () => outside(when(), () => this.#storm()));
    some(0, 3, () => outside(when(), () => this.#rubbish()));
    for (let i = 0; i < 3; i++) outside(i * 1900 + random() * 300, () => this.#save());
    some(0, 2, () => outside(when(), () => this.#save()));
    some(1, 4, () => this.#race(when(), random.pick(CHANGES)));
    this.#race(when(), 'replaced by rename');
    this.#race(when(), 'rewritten in place, same size');
    some(0, 1, () => outside(when(), () => this.#config.change('/etc/hosts')));
    some(0, 1, () => at(when(), () => void this.#reloader.request('SIGHUP')));
    some(0, 2, () => at(when(), () => void this.#explain()));
    some(0, 2, () => at(when(), () => void this.#server.exchanges()));
    some(0, 2, () => outside(when(), () => this.#moveHouse()));
    some(0, 2, () =>
      outside(when(), () => {
        this.#world.count('stalls');
        this.#world.stall(random.int(200, 1500));
      }),
    );
    some(0, 2, () =>
      outside(when(), () => {
        if (this.#changes.busy) return;
        this.#world.count('wall clock jumps');
        this.#world.jumpWallClock(random.pick([-5000.3, -200.7, 300.1, 3_600_000.9]));
      }),
    );
    outside(BUSY_MS, () => this.#save('good'));
    this.#echo.plan([...FILE_NAMES, ...ODD_READS.map((name) => `odd/${name}`), 'gen/0', 'gen/2', 'gen/3', 'missing'], BUSY_MS);
  }

  #save(kind?: 'good'): void {
    const random = this.#random;
    const failure: FailurePoint | undefined = kind === 'good' || random.chance(0.45) ? undefined : random.pick(FAILURES);
    this.#config.save(anyPlan(random, ++this.#saves, failure));
    this.#world.note(`saved ${this.#saves}${failure ? `, broken: ${failure}` : ''}`);
    // Somebody saves again before the first save has taken effect.
    if (kind !== 'good' && random.chance(0.2)) this.#world.network.after(random.int(1, 200), () => this.#save());
  }

  /** A file changes while one machine loads it, and others ask for it. */
  #race(ms: number, kind: (typeof CHANGES)[number]): void {
    const random = this.#random;
    const { network } = this.#world;
    const name = random.pick(FILE_NAMES);
    network.after(ms, () => this.#changes.make(kind, name));
    network.after(Math.max(0, ms - random() * 60), () => this.#download(undefined, name));
    for (let i = random.int(1, 2); i > 0; i--) network.after(ms + random() * 150, () => this.#download(undefined, name));
  }

  #anyName(): string {
    const random = this.#random;
    if (random.chance(0.4)) return `odd/${random.pick(ODD_READS)}`;
    if (random.chance(0.4))
      return random.pick(['gen/0', 'gen/1', 'gen/2', 'gen/3', 'gen/4', 'missing', 'mine', 'alias/a', '../a', 'boot', 'A']);
    return random.pick(FILE_NAMES);
  }

  #download(address = this.#anyAddress(), name = this.#anyName()): void {
    const random = this.#random;
    const client = new Downloader(this.#world, {
      address,
      port: ++this.#lastPort,
      name,
      server: this.#serverKey(),
      options: this.#anyOptions(0),
      contentMs: random.pick([0, 0, 5, 40]),
      limits: { dallyMs: 3000, idleMs: 15_000 },
    });
    this.#begin(client);
    const mood = random();
    if (mood < 0.08) this.#world.network.after(random.int(5, 400), () => client.abort());
    else if (mood < 0.16) this.#world.network.after(random.int(5, 400), () => this.#replaceOrVanish(client));
  }

  /** A machine is switched off; perhaps it starts anew at once, from the same port. */
  #replaceOrVanish(client: Downloader): void {
    if (client.gone || client.ending !== undefined) return;
    client.vanish();
    if (this.#random.chance(0.5)) return;
    this.#world.count('ports used again');
    const { address, port } = client.endpoint;
    const name = FILE_NAMES.filter((one) => one !== client.name)[this.#random.int(0, 3)]!;
    const { server } = client;
    this.#begin(
      new Downloader(this.#world, {
        address,
        port,
        name,
        before: client.name,
        server: peerKey(server.address, server.port),
        options: this.#anyOptions(0),
        limits: { idleMs: 15_000 },
      }),
    );
  }

  #upload(): void {
    const random = this.#random;
    const source = UPLOAD_SOURCES + ++this.#lastPort;
    const bytes = this.#world.versions.bytes({ source, version: 1 }, random.pick([0, 16, 512, 5000, 70_000, 140_000, 200_000]));
    const name = random.chance(0.4)
      ? `sink/${random.pick(ODD_WRITES)} ${source}`
      : random.pick([`up${source}`, `folder/up${source}`, `folder/deep/up${source}`, 'taken']);
    const client = new Uploader(this.#world, {
      address: this.#anyAddress(),
      port: this.#lastPort,
      name,
      bytes,
      server: this.#serverKey(),
      options: this.#anyOptions(bytes.length),
      sizeKnown: random.chance(0.7),
      contentMs: random.pick([0, 0, 5]),
      limits: { idleMs: 15_000 },
    });
    this.#begin(client);
    const mood = random();
    if (mood < 0.1) this.#world.network.after(random.int(5, 300), () => client.abort());
    else if (mood < 0.2) this.#world.network.after(random.int(5, 300), () => client.vanish());
  }

  #probe(): void {
    const name = this.#random.pick(FILE_NAMES);
    new Prober(this.#world, this.#anyAddress(), ++this.#lastPort, this.#serverKey(), name).start();
  }

  /** Many at once behind one address. */
  #storm(): void {
    const address = '10.0.2.200';
    for (let i = 0; i < 12; i++) this.#download(address, this.#random.pick(FILE_NAMES));
  }

  #rubbish(): void {
    const random = this.#random;
    const stranger = new Stranger(this.#world, '10.0.2.250', ++this.#lastPort);
    for (let i = 0; i < 5; i++) {
      const datagram = random.bytes(random.int(0, 30));
      if (datagram.length > 1) datagram.set([0, random.int(0, 7)]);
      stranger.send(random.chance(0.5) ? this.#serverKey() : peerKey('10.0.0.1', 32_768 + random.int(0, 40)), datagram);
    }
  }

  #begin(client: Downloader | Uploader): void {
    this.#machines.push(client);
    client.start();
  }

  /** An interface gets an address, or loses it. */
  #moveHouse(): void {
    const addresses = this.#world.sockets.interfaces.get('eth0')!;
    if (addresses.includes('10.0.0.2')) return;
    addresses.push('10.0.0.2');
    this.#world.network.after(this.#random.int(500, 3000), () => {
      addresses.splice(addresses.indexOf('10.0.0.2'), 1);
      this.#neglect('10.0.0.2:69');
    });
  }

  async #explain(): Promise<void> {
    const { ledger } = this.#world;
    const plan = ledger.plan!;
    ledger.explaining.set(plan, (ledger.explaining.get(plan) ?? 0) + 1);
    const name = this.#random.pick([...FILE_NAMES, 'gen/1', 'odd/takes its time', 'odd/first read hangs', 'missing']);
    try {
      await this.#server.explain({ name, address: '10.0.2.9' });
      this.#world.count('explained');
    } finally {
      ledger.explaining.set(plan, ledger.explaining.get(plan)! - 1);
    }
  }

  /** Sees each message between transport and server before the server does. */
  #observed(
    events: TransportEvents<TftpExchange>,
    transport: () => PortableTransport<TftpExchange>,
  ): TransportEvents<TftpExchange> {
    const { ledger } = this.#world;
    return {
      ...events,
      request: (arrival, plane) => {
        const exchange = events.request(arrival, plane);
        ledger.requested(exchange);
        const record = ledger.transfers.get(exchange.id)!;
        void transport()
          .progress()
          .then((all) => {
            const ids = new Map(Array.from(transport().exchanges, ({ transfer, id }) => [transfer, id]));
            ledger.checkLimits(
              all.map(({ id }) => ids.get(id)!),
              record,
            );
          });
        return exchange;
      },
      moved: (listening, change) => events.moved(listening, change),
      notice: (fields, message) => events.notice(fields, message),
      fault: (error, what) => events.fault(error, what),
    };
  }

  /** Sees what the Engine counts. */
  #counting(stats: Counters): Counters {
    const { ledger } = this.#world;
    return {
      add: (name) => stats.add(name),
      observe: (name, value) => stats.observe(name, value),
      drop: (reason, peer) => {
        this.#world.count(`dropped: ${reason}`);
        ledger.dropped(reason, peerOf(peer).address);
        stats.drop(reason, peer);
      },
    };
  }

  #observeServer(): void {
    const world = this.#world;
    const server = this.#server;
    let listened: readonly string[] = [];
    const heard = () => {
      const now = server.addresses.map(({ address, port }) => `${address}:${port}`);
      for (const address of listened.filter((one) => !now.includes(one))) this.#neglect(address);
      for (const address of now.filter((one) => !listened.includes(one))) this.#neglect(address);
      listened = now;
    };
    server.on('start', (info) => world.ledger.started(info));
    server.on('end', (summary) => world.ledger.ended(summary));
    server.on('reload', ({ generation, config }) => {
      this.reloads++;
      world.count('reload: done');
      world.ledger.swapped(this.#config.planOf(config), generation);
      heard();
    });
    server.on('reloadFailed', (error) => {
      world.ledger.reloadsFailed++;
      this.reloads++;
      const failure = failureOf(error);
      world.count(`reload: ${failure}`);
      const expected = this.#config.loaded?.failure;
      // An address that goes while a wildcard is being bound is nobody's mistake, nor is a `setup` that a stall has kept.
      const excused = ['stopping', 'no such address', ...((world.counts.get('stalls') ?? 0) > 0 ? ['setup hangs'] : [])];
      if (failure !== expected && !excused.includes(failure))
        world.violated(`a reload that should ${expected ? `fail by "${expected}"` : 'succeed'} has failed by "${failure}"`);
    });
    server.on('drained', () => world.count('drained'));
    server.on('listening', () => heard());
  }

  #neglect(address: string): void {
    this.#unheard.set(address, [...(this.#unheard.get(address) ?? []), this.#world.now]);
  }

  /** After the last good save, that is what is in force, and it serves. */
  #checkRecovery(): void {
    const { ledger } = this.#world;
    this.#world.check(ledger.plan?.save === this.#config.saved.save, () => {
      return `save ${ledger.plan?.save} is in force, the last one was ${this.#config.saved.save}`;
    });
    this.#world.count('recovered');
  }

  async #stop(rude: boolean): Promise<void> {
    const world = this.#world;
    const graceMs = rude ? this.#random.pick([0, 50, 500, 20_000]) : this.#random.pick([0, 30_000]);
    const began = world.now;
    this.#stoppedAt = began;
    world.ledger.stopping = true;
    world.count(graceMs < 1000 ? 'stop: cut' : 'stop: drain');
    world.count(world.ledger.live.size > 0 ? 'stop: with transfers' : 'stop: idle');
    world.note(`stop ${graceMs}`);
    let stopped = false;
    world.atServer(() => {
      void this.#server.stop(graceMs).then(() => {
        stopped = true;
        world.note('stopped');
        const most = graceMs + MOST_AFTER_GRACE_MS;
        world.check(world.now - began <= most, () => `the stop took ${world.now - began} ms, with a grace of ${graceMs} ms`);
        for (const left of world.ledger.leftovers()) world.violated(`after the stop: ${left}`);
        void this.#reloader.stop();
      });
    });
    if (rude && this.#random.chance(0.3)) world.network.after(this.#random.int(1, 300), () => void this.#server.stop(0));
    await world.run(AFTERWARDS_MS);
    world.check(stopped, () => 'the server never stopped');
  }

  #checkLeftovers(): void {
    const world = this.#world;
    const left = [...[world.network, world.ledger, this.#echo, this.#dhcp].flatMap((part) => part.leftovers())];
    if (world.timers > 0) left.push(`${world.timers} timers`);
    if (world.files.opened > 0) left.push(`${world.files.opened} open files`);
    const temporary = [UPLOADS, `${UPLOADS}/folder`, `${UPLOADS}/folder/deep`].flatMap((path) =>
      world.files.names(path).filter((name) => name.startsWith('.pxe-upload')),
    );
    if (temporary.length > 0) left.push(`${temporary.length} temporary files of uploads`);
    for (const one of left) world.violated(`left in the end: ${one}`);
  }

  /** The server has counted what has happened. */
  #checkStats(): void {
    const world = this.#world;
    const { counters, gauges, histograms } = this.#server.stats();
    const summaries = [...world.ledger.transfers.values()].flatMap(({ summary }) => summary ?? []);
    const sum = (of: (summary: ExchangeSummary) => number) => summaries.reduce((total, summary) => total + of(summary), 0);
    const bytes = (kind: 'read' | 'write') => sum((one) => (one.request.kind === kind ? one.bytes : 0));
    const happened: Partial<StatsSnapshot['counters']> = {
      'requests.read': sum(({ request }) => Number(request.kind === 'read')),
      'requests.boot': sum(({ request }) => Number(request.kind === 'boot')),
      'requests.write': sum(({ request }) => Number(request.kind === 'write')),
      'bytes.sent': bytes('read'),
      'bytes.received': bytes('write'),
      'packets.resent': sum(({ tftp }) => tftp?.retransmissions ?? 0),
      ...Object.fromEntries(OUTCOMES.map((name) => [`outcomes.${name}`, sum(({ outcome }) => Number(outcome === name))])),
      ...Object.fromEntries(DROP_REASONS.map((reason) => [`drops.${reason}`, world.ledger.drops.get(reason) ?? 0])),
    };
    for (const [name, count] of Object.entries(happened)) {
      const counted = counters[name as CounterName];
      world.check(counted === count, () => `${counted} counted as ${name}, there were ${count}`);
    }
    const downloads = summaries.filter(({ request, outcome }) => request.kind === 'read' && outcome === 'completed');
    const { count, sum: bytesSent } = histograms['file-bytes'];
    const expected = downloads.reduce((total, { bytes }) => total + bytes, 0);
    world.check(count === downloads.length && bytesSent === expected, () => {
      return `${count} files of ${bytesSent} bytes measured, there were ${downloads.length} of ${expected}`;
    });
    const answered = histograms['answer-seconds'].count;
    world.check(answered <= summaries.length, () => `${answered} first replies to ${summaries.length} requests`);
    for (const name of ['live.requests', 'live.generations'] as const) {
      world.check(gauges[name] === 0, () => `${gauges[name]} left of ${name}`);
    }
    const failed = world.ledger.reloadsFailed;
    world.check(
      counters['reloads.failed'] === failed,
      () => `${counters['reloads.failed']} failed reloads, there were ${failed}`,
    );
  }

  #judge(machine: Machine): void {
    if (machine instanceof Downloader) judgeDownload(this.#world, machine);
    else if (machine instanceof Uploader) judgeUpload(this.#world, machine);
    judgePatience(this.#world, machine, this.#unheard, this.#stoppedAt);
  }

  #serverKey() {
    const isDhcp = (port: number) => port === DHCP_PORT || port === BOOT_SERVER_PORT;
    const addresses = this.#server.addresses.filter(({ address, port }) => address.startsWith('10.') && !isDhcp(port));
    if (addresses.length === 0 || this.#random.chance(0.05)) return peerKey('10.0.0.1', 69);
    const { address, port } = this.#random.pick(addresses);
    return peerKey(address, port);
  }

  #anyAddress(): string {
    return `10.0.2.${this.#random.int(1, 12)}`;
  }

  #anyOptions(size: number): AskedOptions {
    const random = this.#random;
    if (random.chance(0.1)) return {};
    return {
      blockSize: random.pick([1024, 1428, 1468, 4096, 8192, 16_384]),
      windowSize: random.pick([undefined, 1, 4, 8, 16]),
      transferSize: random.chance(0.7) ? size : undefined,
      timeoutSeconds: random.chance(0.1) ? random.int(1, 3) : undefined,
    };
  }
}

function anyLink(random: Random): Link {
  const bad = (probability: number, most: number) => (random.chance(probability) ? random() * most : 0);
  const delayMs = random.pick([0.2, 1, 5]);
  return {
    loss: bad(0.6, 0.06),
    duplication: bad(0.5, 0.05),
    reordering: bad(0.5, 0.1),
    reorderMs: random.pick([1, 4 * delayMs]),
    delayMs,
  };
}

function failureOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const known: readonly [RegExp, string][] = [
    [/unexpected token/, 'syntax'],
    [/3 problems/, 'options'],
    [/not imported in time/, 'import'],
    [/half-way/, 'setup throws'],
    [/setup: not done within/, 'setup hangs'],
    [/EADDRINUSE/, 'port taken'],
    [/EADDRNOTAVAIL/, 'no such address'],
    [/not running|stopping/, 'stopping'],
  ];
  return known.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}

function sum(counts: ReadonlyMap<string, number>, prefix: string): number {
  return [...counts].reduce((total, [what, count]) => (what.startsWith(prefix) ? total + count : total), 0);
}
