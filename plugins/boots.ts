/**
 * Puts a machine's requests together into boots: shim, then GRUB, then the kernel, then the initrd. It keeps a little of each boot
 * that is under way, and tells of it once it is over; it writes no log and knows no clock but the times that it is given.
 *
 * A boot by DHCP begins with the offer. Requests belong together by MAC address or, where none is known, by address. A boot is over when its machine has asked for
 * nothing for `idleMs`, or asks again for what the boot began with; and after a short silence already, where its last step is known
 * to be the last (`last-steps.ts`). A machine that goes on after that has another, continued boot, and the rule is not relied on again.
 */
import type { ExchangeInfo, ExchangeSummary } from 'pxe';
import { type Boot, Session } from './boot-session.ts';
import { LastSteps } from './lib/last-steps.ts';

export interface BootsOptions {
  readonly idleMs: number;
  /** Told of every boot that is over. */
  onBoot(boot: Boot): void;
}

/** Boots under way at a time; the one that began first is cut off for another. */
export const MAX_MACHINES = 4096;
/** Silence after the last step, if that is known to be the last. */
export const QUIET_MS = 5000;

/** Of a machine that asks for an address. */
const NO_ADDRESS = '0.0.0.0';

export class Boots {
  readonly #options: BootsOptions;
  /** By MAC address and by address: a machine whose MAC address shows late, or not in every name, is still one. */
  readonly #byKey = new Map<string, Session>();
  readonly #sessions = new Set<Session>();
  readonly #lastSteps = new LastSteps();

  constructor(options: BootsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** A transfer begins. */
  start({ id, request, served }: ExchangeInfo, now: number): void {
    if (request.kind !== 'read') return;
    const session = this.#of(request.client, now);
    const anew = session.isBegunAnewBy(served);
    if (anew) this.#over(session, 'again');
    (anew ? this.#of(request.client, now) : session).started(id);
  }

  /** A request has ended, refused ones too. */
  end(summary: ExchangeSummary, now: number): void {
    if (summary.request.kind === 'boot') return this.#offer(summary, now);
    if (summary.request.kind !== 'read') return;
    const session = this.#of(summary.request.client, now - summary.durationMs);
    session.ended(summary, now);
    const { before, first } = session;
    if (before === undefined || first === undefined) return;
    session.before = undefined;
    // The next boot of the machine begins like the one before.
    if (first === before.first) return;
    session.continued = true;
    this.#lastSteps.distrust(before.first, before.last);
  }

  /** Ends the boots that nothing more comes of. */
  sweep(now: number): void {
    const { idleMs } = this.#options;
    const quietMs = Math.min(QUIET_MS, idleMs);
    for (const session of this.#sessions) {
      if (session.isIdle(now - idleMs)) {
        if (!session.told && session.chain) this.#lastSteps.learn(session.chain.first, session.chain.last);
        this.#over(session, 'idle');
      } else if (!session.told && session.isIdle(now - quietMs) && this.#isDone(session)) {
        // It stays known until it is idle: what comes until then belongs to the same boot.
        session.told = true;
        this.#options.onBoot(session.story('done'));
      }
    }
  }

  #isDone({ chain }: Session): boolean {
    return chain !== undefined && this.#lastSteps.isLast(chain.first, chain.last);
  }

  /** Ends them all. */
  cut(): void {
    for (const session of this.#sessions) this.#over(session, 'cut');
  }

  /** A boot begins with what DHCP offers. Requests for files belong to it if their client's MAC address is known. */
  #offer(summary: ExchangeSummary, now: number): void {
    const { client } = summary.request;
    if (client.mac === undefined || summary.dhcp?.offered === undefined) return;
    const found = this.#find(client);
    if (found?.isBegunAnewByOffer(summary)) this.#over(found, found.told ? 'done' : 'again');
    this.#of(client, now - summary.durationMs).offered(summary, now);
  }

  #of(client: Boot['client'], now: number): Session {
    const { mac, address } = client;
    const session = this.#underWay(client, now) ?? this.#begin(client, now);
    const isNews = session.client.mac === undefined || session.client.address === NO_ADDRESS;
    if (mac !== undefined && isNews) session.client = client;
    if (mac !== undefined && this.#byKey.get(mac) !== session) this.#register(session, mac);
    if (address !== NO_ADDRESS && !this.#byKey.has(address)) this.#register(session, address);
    return session;
  }

  /** The boot that a request belongs to; one that was told as done already is replaced by one that goes on from it. */
  #underWay(client: Boot['client'], now: number): Session | undefined {
    const found = this.#find(client);
    if (!found?.told) return found;
    const { chain, client: known } = found;
    this.#over(found, 'done');
    const next = this.#begin(known, now);
    for (const key of found.keys) this.#register(next, key);
    next.before = chain;
    return next;
  }

  #find({ mac, address }: Boot['client']): Session | undefined {
    const known = mac === undefined ? undefined : this.#byKey.get(mac);
    if (known) return known;
    const here = this.#byKey.get(address);
    // Several machines behind one address are told apart by their MAC addresses.
    return mac === undefined || here?.client.mac === undefined ? here : undefined;
  }

  #begin(client: Boot['client'], now: number): Session {
    if (this.#sessions.size >= MAX_MACHINES) this.#over(this.#sessions.values().next().value!, 'cut');
    const session = new Session(client, now);
    this.#sessions.add(session);
    return session;
  }

  #register(session: Session, key: string): void {
    this.#byKey.set(key, session);
    session.keys.push(key);
  }

  #over(session: Session, ended: Boot['ended']): void {
    this.#sessions.delete(session);
    for (const key of session.keys) if (this.#byKey.get(key) === session) this.#byKey.delete(key);
    if (!session.told) this.#options.onBoot(session.story(ended));
  }
}
