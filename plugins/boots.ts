/**
 * Groups a machine's requests into boots: shim, then GRUB, then the kernel, then the initrd. It keeps a summary of each boot in
 * progress and reports it when it is over. It writes no log; the caller passes the time.
 *
 * A boot by DHCP begins with the offer. Requests belong to one boot by MAC address or, if that is unknown, by IP address. A boot
 * is over when its machine has sent no request for `idleMs` or requests the boot's first file again. It is over after a shorter
 * silence if its last step is known to be the last (`last-steps.ts`). If the machine goes on after that, a second, continued boot
 * is reported, and that last step is no longer taken for the last.
 */
import type { ExchangeInfo, ExchangeSummary } from 'pxe';
import { type Boot, Session } from './boot-session.ts';
import { LastSteps } from './lib/last-steps.ts';

export interface BootsOptions {
  readonly idleMs: number;
  /** Called with each boot that is over. */
  onBoot(boot: Boot): void;
}

/** Maximum boots in progress; beyond it, the oldest is cut. */
export const MAX_MACHINES = 4096;
/** Silence that ends a boot whose last step is known to be the last. */
export const QUIET_MS = 5000;

/** Address of a machine that does not have one yet. */
const NO_ADDRESS = '0.0.0.0';

export class Boots {
  readonly #options: BootsOptions;
  /** By MAC address and by IP address: a machine's MAC address may become known late, or be in some of its names only. */
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

  /** A request has ended or was refused. */
  end(summary: ExchangeSummary, now: number): void {
    if (summary.request.kind === 'boot') return this.#offer(summary, now);
    if (summary.request.kind !== 'read') return;
    const session = this.#of(summary.request.client, now - summary.durationMs);
    session.ended(summary, now);
    const { before, first } = session;
    if (before === undefined || first === undefined) return;
    session.before = undefined;
    // The machine's next boot begins with the same file.
    if (first === before.first) return;
    session.continued = true;
    this.#lastSteps.distrust(before.first, before.last);
  }

  /** Ends the boots that have been idle for long enough. */
  sweep(now: number): void {
    const { idleMs } = this.#options;
    const quietMs = Math.min(QUIET_MS, idleMs);
    for (const session of this.#sessions) {
      if (session.isIdle(now - idleMs)) {
        if (!session.told && session.chain) this.#lastSteps.learn(session.chain.first, session.chain.last);
        this.#over(session, 'idle');
      } else if (!session.told && session.isIdle(now - quietMs) && this.#isDone(session)) {
        // The session is kept until it is idle, because requests until then belong to the same boot.
        session.told = true;
        this.#options.onBoot(session.story('done'));
      }
    }
  }

  #isDone({ chain }: Session): boolean {
    return chain !== undefined && this.#lastSteps.isLast(chain.first, chain.last);
  }

  /** Ends all boots. */
  cut(): void {
    for (const session of this.#sessions) this.#over(session, 'cut');
  }

  /** A DHCP offer begins a boot. Requests for files belong to it if the client's MAC address is known. */
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

  /** The boot that a request belongs to. A boot already reported as done is replaced by one that continues it. */
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
    // MAC addresses distinguish machines that share one IP address.
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
