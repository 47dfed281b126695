/**
 * TFTP as a service: takes the Engine's requests, finds an answer for each by the pipeline of the generation that was in force when
 * it came, and reports ends. It may be slow, since users' code runs here; what must not be slow lives behind the Transport.
 */
import { Abort } from '../base/abort.ts';
import { boundLog } from '../base/log.ts';
import { INTERNAL, Refusal } from '../base/refusal.ts';
import type { ListenOn } from '../net/listening.ts';
import { PluginError } from '../plugin/error.ts';
import type { TransferInfo } from '../plugin/types.ts';
import { countBegin, countEnd } from '../service/count.ts';
import { Drain } from '../service/drain.ts';
import type { Generation } from '../service/generation.ts';
import type { LiveExchange, LocalAddress, Prepared, Service, ServiceHost } from '../service/service.ts';
import type { Stats } from '../stats/stats.ts';
import { findAnswer } from './answer.ts';
import { DropLog } from './drop-log.ts';
import { limitsOf } from './limits.ts';
import { Listeners } from './listeners.ts';
import type { EngineLimits } from './protocol/engine.ts';
import { wireError } from './protocol/refusal.ts';
import type { Ending } from './protocol/transfer.ts';
import { understand } from './request.ts';
import { type ActiveTransfer, infoOf, summaryOf } from './transfers.ts';
import type { TransferRequest, Transport, TransportEvents } from './transport/transport.ts';

export interface TftpOptions {
  readonly transport: (events: TransportEvents, limits: EngineLimits, stats: Stats) => Transport;
  /** Sockets that are bound already and take the place of `listen`: those of systemd, for instance. */
  readonly sockets?: readonly number[] | undefined;
}

const STOPPING = wireError(new Refusal('unavailable', 'server is stopping'));

export class TftpService implements Service {
  readonly name = 'tftp';
  readonly #host: ServiceHost;
  readonly #options: TftpOptions;
  readonly #transfers = new Map<number, ActiveTransfer>();
  readonly #dropLog: DropLog;
  readonly #drain: Drain;
  /** From the first `prepare` on. */
  #transport: Transport | undefined;
  #listeners: Listeners | undefined;
  #preparing: Promise<unknown> | undefined;

  constructor(host: ServiceHost, options: TftpOptions) {
    this.#host = host;
    this.#options = options;
    this.#dropLog = new DropLog(host.stats, host.log, host.clock);
    this.#drain = new Drain(host.clock);
  }

  get addresses(): readonly LocalAddress[] {
    return this.#listeners?.addresses ?? [];
  }

  get underWay(): Iterable<TransferInfo> {
    return Array.from(this.#transfers.values(), infoOf);
  }

  async exchanges(): Promise<readonly LiveExchange[]> {
    const progress = new Map((await this.#transport?.progress())?.map((one) => [one.id, one]));
    return Array.from(this.#transfers.values(), (transfer) => {
      const { bytes = 0, retransmissions = 0, rttMs } = progress.get(transfer.id) ?? {};
      const ageMs = Math.round(this.#host.clock.now() - transfer.begunMs);
      return { ...infoOf(transfer), bytes, retransmissions, rttMs, ageMs };
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
    return this.#drain.stop(graceMs, (drained) => this.#close(drained));
  }

  #open(limits: EngineLimits): Transport {
    this.#dropLog.start();
    return this.#options.transport(this.#events(), limits, this.#host.stats);
  }

  async #close(drained: Promise<void>): Promise<void> {
    this.#listeners?.close();
    await Promise.all([this.#transfers.size > 0 ? drained : undefined, this.#preparing]);
    await this.#transport?.close(STOPPING);
    if (this.#transport) this.#dropLog.stop();
    await Promise.all(Array.from(this.#transfers.values(), ({ answering }) => answering));
  }

  #listenOn({ tftp: { listen } }: Generation['config']): readonly ListenOn[] {
    return this.#options.sockets?.map((fd) => ({ fd })) ?? listen;
  }

  #events(): TransportEvents {
    const { log } = this.#host;
    return {
      request: (request) => this.#request(request),
      end: (id, ending) => void this.#end(id, ending),
      moved: ({ addresses }, { came, gone }) => log.info({ came, gone, addresses }, 'listening addresses changed'),
      notice: (fields, message) => log.warn(fields, message),
      fault: (error, { what, id }) => this.#logFault(error, id, what),
    };
  }

  /** The generation is fixed here, with nothing awaited before. */
  #request(sent: TransferRequest): void {
    const { clock, stats } = this.#host;
    const lease = this.#host.lease();
    const { request, refusal, unservable } = understand(sent, lease.generation.config.tftp.limits.nameBytes);
    const transfer: ActiveTransfer = {
      id: sent.id,
      generation: lease.generation,
      lease,
      begunMs: clock.now(),
      gone: new Abort(),
      request,
      unservable,
      served: undefined,
      plugin: undefined,
      size: undefined,
      cause: refusal?.detail,
      answering: Promise.resolve(),
      answered: false,
    };
    this.#transfers.set(sent.id, transfer);
    countBegin(stats, request.kind);
    // A listener in another thread takes a moment to close.
    if (this.#drain.begun) this.#transport?.refuse(sent.id, STOPPING);
    else if (refusal) this.#transport?.refuse(sent.id, wireError(refusal));
    else transfer.answering = this.#answer(transfer);
  }

  async #answer(transfer: ActiveTransfer): Promise<void> {
    try {
      const answer = await findAnswer(transfer, boundLog(this.#host.log, { transfer: transfer.id }), this.#transport!);
      const info = infoOf(transfer);
      transfer.generation.pipeline.start(info);
      this.#host.onStart(info);
      this.#transport?.answer(transfer.id, answer);
    } catch (error) {
      // That its client has gone is no fault of anybody.
      if (!transfer.gone.aborted && !(error instanceof Refusal)) this.#logFault(error, transfer.id, 'request');
      const refusal = error instanceof Refusal ? error : INTERNAL;
      transfer.cause = refusal.detail;
      this.#transport?.refuse(transfer.id, wireError(refusal));
    } finally {
      transfer.answered = true;
    }
  }

  async #end(id: number, ending: Ending): Promise<void> {
    const transfer = this.#transfers.get(id);
    if (!transfer) return;
    if (!transfer.answered) {
      // A client that goes while its answer is being looked for: the lease is held until the plugins have noticed.
      transfer.gone.abort(new Error('the client has gone'));
      await transfer.answering;
    }
    this.#transfers.delete(id);
    countEnd(this.#host.stats, transfer.request.kind, ending);
    const summary = summaryOf(transfer, ending);
    transfer.generation.pipeline.end(summary);
    this.#host.onEnd(summary, transfer.generation);
    transfer.lease.release();
    if (this.#drain.begun && this.#transfers.size === 0) this.#drain.finish();
  }

  /** What a plugin's content or sink does wrong is the plugin's doing, and told as such. */
  #logFault(error: unknown, id: number | undefined, what: string): void {
    const { log } = this.#host;
    const { plugin, request } = (id !== undefined && this.#transfers.get(id)) || {};
    if (plugin === undefined || request === undefined) return log.error({ err: error, transfer: id }, `${what} failed`);
    const hook = request.kind === 'read' ? 'open' : 'store';
    log.error({ err: new PluginError(plugin, hook, error), transfer: id, plugin, hook }, 'plugin failed');
  }
}
