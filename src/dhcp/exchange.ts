/**
 * A machine's question what to boot, from its arrival to the answer, or to silence. A machine that asks again while its answer is
 * being looked for gets one answer, to its latest request.
 */
import { INTERNAL, Refusal } from '../base/refusal.ts';
import { type Boot, describeBoot, type RouteOptions } from '../plugin/route.ts';
import type { BootRequest, ExchangeError, Outcome } from '../plugin/types.ts';
import { Exchange } from '../service/exchange.ts';
import type { Lease } from '../service/generation.ts';
import type { ServiceHost } from '../service/service.ts';
import type { DhcpConfig } from './admission.ts';
import { decisionFor, type Impossible } from './decision.ts';
import type { Notices } from './notices.ts';
import type { Asked, Offers } from './offers.ts';
import { destinationOf } from './protocol/offer.ts';
import { NO_ADDRESS } from './protocol/packet.ts';
import type { DhcpRequest } from './request.ts';
import type { DhcpSummary } from './summary.ts';
import type { Arrival } from './wires.ts';

/** A request, and how to answer it. */
export type Question = Asked & Pick<Arrival, 'source' | 'send'>;

/** What the exchanges of a service share. */
export interface Desk {
  readonly offers: Offers;
  readonly notices: Notices;
  /** {@link decisionFor} */
  httpOrigin(server: string): string | undefined;
}

const NOTHING = Object.freeze(new Refusal('not-found', 'nothing to boot'));
const TOO_LONG = Object.freeze(new Refusal('unsupported', 'the file name is too long for the machine'));
const IMPOSSIBLE: Readonly<Record<Impossible, Refusal>> = {
  'http-is-off': Object.freeze(
    new Refusal('unsupported', 'the machine boots by HTTP only, and HTTP is not served: add `http: {}` to the config'),
  ),
  'takes-no-url': Object.freeze(new Refusal('unsupported', 'the firmware of the machine takes no URL, only the name of a file')),
};
/** Firmware may stop waiting for offers after this time. */
const LATE_MS = 500;

export class DhcpExchange extends Exchange<BootRequest> {
  readonly #desk: Desk;
  readonly #config: DhcpConfig;
  readonly #onOver: () => void;
  #question: Question;
  #boot: Boot | undefined;
  #cancelDelay = () => {};

  /** @param onOver called when nothing is left of it */
  constructor(
    host: ServiceHost,
    lease: Lease,
    request: DhcpRequest,
    question: Question,
    config: DhcpConfig,
    desk: Desk,
    onOver: () => void,
  ) {
    super(host, lease, request);
    this.#question = question;
    this.#config = config;
    this.#desk = desk;
    this.#onOver = onOver;
  }

  /** The machine has asked again. */
  repeat(question: Question): void {
    this.#question = question;
  }

  refuse(refusal: Refusal): void {
    if (this.ended) return;
    this.host.stats.add('dhcp-answers.none');
    const outcome = refusal === INTERNAL ? 'failed' : 'refused';
    const isRepeat = this.#desk.offers.silence(this.#question, this.clock.now());
    this.#over(outcome, { isRepeat }, { reason: refusal.reason, message: refusal.message });
  }

  /** The server stops: the machine gets no answer. */
  abandon(): void {
    if (!this.ended) this.#over('aborted', { isRepeat: false });
  }

  protected async find(options: RouteOptions): Promise<void> {
    const { request, boot, error } = await this.generation.pipeline.boot(this.request, options);
    this.request = request;
    if (error) throw error;
    if (boot === undefined) throw NOTHING;
    this.#boot = boot;
    this.served = describeBoot(boot);
  }

  protected send(): void {
    const { replyDelayMs } = this.#config;
    if (replyDelayMs === 0 || this.#question.port === 4011) return this.#reply();
    this.#cancelDelay = this.clock.setTimeout(() => this.#replyLate(), replyDelayMs);
  }

  /** What it throws would end the process. */
  #replyLate(): void {
    try {
      this.#reply();
    } catch (error) {
      this.fault(error, 'reply');
      this.refuse(INTERNAL);
    }
  }

  #reply(): void {
    const question = this.#question;
    const { packet, client, port, server, source, send } = question;
    const { offers, notices } = this.#desk;
    const boot = this.#boot!;
    const decision = decisionFor(boot, client, this.#desk.httpOrigin(server));
    if (typeof decision === 'string') return this.#cannot(IMPOSSIBLE[decision]);
    const answer = offers.answer(question, decision, boot.layout ?? 'direct', this.clock.now());
    // Silence is how HTTP Boot firmware goes on to its disk.
    if (answer === undefined) return decision.kind === 'disk' ? this.refuse(NOTHING) : this.#cannot(TOO_LONG);
    send(answer.bytes, this.#port(destinationOf(packet, port, source)));
    const { layout, isRepeat, discoversInVain } = answer;
    const ms = this.clock.now() - this.begunMs;
    this.host.stats.add(port === 67 ? 'dhcp-answers.offer' : 'dhcp-answers.boot-server');
    this.host.stats.observe('dhcp-answer-seconds', ms / 1000);
    const { host, mac } = this.request.client;
    const machine = { host: host?.name, mac, firmware: client.firmware };
    if (discoversInVain !== undefined) {
      const message =
        'the machine has accepted no offer: either no DHCP server gives it an address, or its firmware needs another layout, which is tried now';
      notices.warn({ ...machine, discovers: discoversInVain, layout }, message, `${mac} ${layout}`);
    }
    if (ms - this.#config.replyDelayMs > LATE_MS) {
      notices.warn(
        { ...machine, ms: Math.round(ms) },
        'a plugin takes long to say what a machine is to boot: firmware may not wait',
      );
    }
    const offered = decision.kind === 'disk' ? 'disk' : decision.name;
    this.#over('completed', { layout: decision.kind === 'disk' ? undefined : layout, offered, isRepeat });
  }

  /** Logged once for each machine, since it asks again and again. */
  #cannot(refusal: Refusal): void {
    const { host, mac, address } = this.request.client;
    this.#desk.notices.warn({ host: host?.name, mac, served: this.served }, refusal.message, mac ?? address);
    this.refuse(refusal);
  }

  /** Where the config has other ports than the protocol. */
  #port(to: { readonly address: string; readonly port: number }): { readonly address: string; readonly port: number } {
    const { ports } = this.#config;
    if (this.#question.port === 4011) return to;
    return { address: to.address, port: to.port === 68 ? ports.client : ports.dhcp };
  }

  #over(
    outcome: Outcome,
    { layout, offered, isRepeat }: Pick<DhcpSummary, 'isRepeat'> & Partial<Pick<DhcpSummary, 'layout' | 'offered'>>,
    error?: ExchangeError,
  ): void {
    this.#cancelDelay();
    const { packet, port } = this.#question;
    const { giaddr, secs } = packet;
    const relay = giaddr === NO_ADDRESS ? undefined : giaddr;
    const dhcp: DhcpSummary = { port, layout, offered, isRepeat, relay, secs };
    const end = this.end({ outcome, bytes: 0, durationMs: this.clock.now() - this.begunMs, error, dhcp });
    void Promise.resolve(end).then(this.#onOver);
  }
}
