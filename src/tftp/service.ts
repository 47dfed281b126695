/**
 * TFTP as a service: its listeners, its transport, and the limits of each generation. It may be slow, since users' code runs here; what
 * must not be slow lives behind the Transport.
 */
import { Refusal } from '../base/refusal.ts';
import type { ListenOn } from '../net/listening.ts';
import { isAnyAddress, OwnAddresses } from '../net/own-address.ts';
import type { ExchangeInfo } from '../plugin/types.ts';
import { Drain } from '../service/drain.ts';
import type { Generation } from '../service/generation.ts';
import type { LiveExchange, LocalAddress, Prepared, Service, ServiceHost } from '../service/service.ts';
import type { Stats } from '../stats/stats.ts';
import { DropLog } from './drop-log.ts';
import { TftpExchange } from './exchange.ts';
import { limitsOf } from './limits.ts';
import { Listeners } from './listeners.ts';
import type { EngineLimits } from './protocol/engine.ts';
import { wireError } from './protocol/refusal.ts';
import { understand } from './request.ts';
import type { DataPlane } from './transport/data-plane.ts';
import type { Transport, TransportEvents } from './transport/transport.ts';
import type { Arrival } from './transport/transport-exchange.ts';

export interface TftpOptions {
  readonly transport: (events: TransportEvents<TftpExchange>, limits: EngineLimits, stats: Stats) => Transport<TftpExchange>;
  /** Sockets that are bound already and take the place of `listen`: those of systemd, for instance. */
  readonly sockets?: readonly number[] | undefined;
}

const STOPPING = Object.freeze(new Refusal('unavailable', 'server is stopping'));
const NO_PROGRESS = { bytes: 0, retransmissions: 0, rttMs: undefined };

export class TftpService implements Service {
  readonly name = 'tftp';
  readonly #host: ServiceHost;
  readonly #options: TftpOptions;
  readonly #dropLog: DropLog;
  readonly #drain: Drain;
  readonly #own: OwnAddresses;
  /** From the first `prepare` on. */
  #transport: Transport<TftpExchange> | undefined;
  #listeners: Listeners | undefined;
  #preparing: Promise<unknown> | undefined;

  constructor(host: ServiceHost, options: TftpOptions) {
    this.#host = host;
    this.#options = options;
    this.#dropLog = new DropLog(host.stats, host.log, host.clock);
    this.#drain = new Drain(host.clock);
    this.#own = new OwnAddresses(host.clock);
  }

  get addresses(): readonly LocalAddress[] {
    return this.#listeners?.addresses ?? [];
  }

  get underWay(): Iterable<ExchangeInfo> {
    return Array.from(this.#exchanges, ({ info }) => info);
  }

  async exchanges(): Promise<readonly LiveExchange[]> {
    const progress = new Map((await this.#transport?.progress())?.map((one) => [one.id, one]));
    return Array.from(this.#exchanges, (exchange) => {
      const { bytes, retransmissions, rttMs } = progress.get(exchange.transfer) ?? NO_PROGRESS;
      return { ...exchange.live(bytes), retransmissions, rttMs };
    });
  }

  async prepare({ config }: Generation): Promise<Prepared> {
    if (this.#drain.begun) throw new Error('the server is stopping');
    const { engine } = limitsOf(config);
    this.#transport ??= this.#open(engine);
    this.#listeners ??= new Listeners(this.#transport, config.tftp);
    const preparing = this.#listeners.prepare(this.#listenOn(config));
    this.#preparing = preparing.catch(() => {});
    const { commit, abandon } = await preparing;
    return {
      commit: () => {
        this.#transport?.setLimits(engine);
        return commit();
      },
      abandon,
    };
  }

  stop(graceMs: number): Promise<void> {
    return this.#drain.stop(graceMs, (graceOver) => this.#close(graceOver));
  }

  #open(limits: EngineLimits): Transport<TftpExchange> {
    this.#dropLog.start();
    return this.#options.transport(this.#events(), limits, this.#host.stats);
  }

  async #close(graceOver: Promise<void>): Promise<void> {
    this.#listeners?.close();
    await Promise.all([this.#transport && Promise.race([this.#transport.idle(), graceOver]), this.#preparing]);
    await this.#transport?.close(wireError(STOPPING));
    if (this.#transport) this.#dropLog.stop();
  }

  get #exchanges(): Iterable<TftpExchange> {
    return this.#transport?.exchanges ?? [];
  }

  #listenOn({ tftp: { listen } }: Generation['config']): readonly ListenOn[] {
    return this.#options.sockets?.map((fd) => ({ fd })) ?? listen;
  }

  #events(): TransportEvents<TftpExchange> {
    const { log } = this.#host;
    return {
      request: (arrival, plane) => this.#request(arrival, plane),
      moved: ({ addresses }, { came, gone }) => log.info({ came, gone, addresses }, 'listening addresses changed'),
      notice: (fields, message) => log.warn(fields, message),
      fault: (error, what) => log.error({ err: error }, `${what} failed`),
    };
  }

  /** The generation is fixed here, with nothing awaited before. */
  #request(arrival: Arrival, plane: DataPlane): TftpExchange {
    const lease = this.#host.lease();
    const { client, local } = arrival;
    // A socket of a service manager may be bound to all addresses.
    const facing = isAnyAddress(local.address) ? this.#own.facing(client.address) : undefined;
    const received = facing === undefined ? arrival : { ...arrival, local: { ...local, address: facing } };
    const understood = understand(received, lease.generation.config.tftp.limits.nameBytes);
    // A listener in another thread takes a moment to close.
    const taken = this.#drain.begun ? { ...understood, refusal: STOPPING } : understood;
    return new TftpExchange(this.#host, lease, arrival, taken, plane);
  }
}
