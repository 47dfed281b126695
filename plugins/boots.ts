/**
 * Puts a machine's requests together into boots: shim, then GRUB, then the kernel, then the initrd. It keeps a little of each boot
 * that is under way, and tells of it once it is over; it writes no log and knows no clock but the times that it is given.
 *
 * Requests belong together by MAC address or, where none is known, by address. A boot is over when its machine has asked for
 * nothing for `idleMs`, or asks again for what the boot began with.
 */
import { ErrorCode, type TransferInfo, type TransferSummary } from 'pxe';

/** A file of a boot, asked for once or several times in a row. */
export interface BootStep {
  /** The file under the root, or `plugin:<name>`. */
  readonly served: string;
  readonly bytes: number;
  /** From its first request to the end of its last. */
  readonly ms: number;
  /** Since the step before it had ended: what the machine did meanwhile. */
  readonly afterMs: number;
  readonly requests: number;
  /** Of the last request for it, unless that was `completed`. */
  readonly outcome: Exclude<TransferSummary['outcome'], 'completed'> | undefined;
}

export interface Boot {
  readonly client: TransferInfo['request']['client'];
  /** The first {@link MAX_STEPS}. */
  readonly steps: readonly BootStep[];
  /** Steps beyond those. */
  readonly moreSteps: number;
  /** From the first request to the end of the last. */
  readonly ms: number;
  readonly bytes: number;
  readonly requests: number;
  /** Requests that only asked for a size. */
  readonly probes: number;
  /** Requests for names that do not exist: boot loaders search. */
  readonly absent: number;
  /** Requests refused for another reason. */
  readonly refused: number;
  readonly retransmissions: number;
  /** Why it is over: nothing more came, it began anew, or the log ends here (a reload, a stop, too many machines). */
  readonly ended: 'idle' | 'again' | 'cut';
}

export interface BootsOptions {
  readonly idleMs: number;
  /** Told of every boot that is over. */
  tell(boot: Boot): void;
}

/** Boots under way at a time; the one that began first is cut off for another. */
export const MAX_MACHINES = 4096;
export const MAX_STEPS = 64;

export class Boots {
  readonly #options: BootsOptions;
  /** By MAC address and by address: a machine whose MAC address shows late, or not in every name, is still one. */
  readonly #byKey = new Map<string, Session>();
  readonly #sessions = new Set<Session>();

  constructor(options: BootsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** A transfer begins. */
  start({ id, request, served }: TransferInfo, now: number): void {
    if (request.kind === 'write') return;
    const session = this.#of(request.client, now);
    const anew = session.isBegunAnewBy(served);
    if (anew) this.#over(session, 'again');
    (anew ? this.#of(request.client, now) : session).started(id);
  }

  /** A request has ended, refused ones too. */
  end(summary: TransferSummary, now: number): void {
    if (summary.request.kind === 'write') return;
    this.#of(summary.request.client, now - summary.durationMs).ended(summary, now);
  }

  /** Ends the boots that nothing has come of. */
  sweep(now: number): void {
    for (const session of this.#sessions) if (session.isIdle(now - this.#options.idleMs)) this.#over(session, 'idle');
  }

  /** Ends them all. */
  cut(): void {
    for (const session of this.#sessions) this.#over(session, 'cut');
  }

  #of(client: Boot['client'], now: number): Session {
    const { mac, address } = client;
    const session = this.#find(client) ?? this.#begin(client, now);
    if (mac !== undefined && session.client.mac === undefined) session.client = client;
    if (mac !== undefined && this.#byKey.get(mac) !== session) this.#register(session, mac);
    if (!this.#byKey.has(address)) this.#register(session, address);
    return session;
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
    this.#options.tell(session.story(ended));
  }
}

type Step = { -readonly [Key in keyof BootStep]: BootStep[Key] };

/** A boot under way. */
class Session {
  client: Boot['client'];
  readonly keys: string[] = [];
  readonly #began: number;
  /** When something last happened. */
  #last: number;
  /** Transfers under way. */
  readonly #active = new Set<number>();
  readonly #steps: Step[] = [];
  readonly #counts = { moreSteps: 0, bytes: 0, requests: 0, probes: 0, absent: 0, refused: 0, retransmissions: 0 };
  /** The file that was sent last; `step` is absent beyond those that are kept. */
  #latest: { readonly served: string; readonly began: number; ended: number; readonly step: Step | undefined } | undefined;

  constructor(client: Boot['client'], now: number) {
    this.client = client;
    this.#began = now;
    this.#last = now;
  }

  isIdle(since: number): boolean {
    return this.#active.size === 0 && this.#last <= since;
  }

  /** It has gone on to other files, and now the first is asked for again. */
  isBegunAnewBy(served: string | undefined): boolean {
    return this.#active.size === 0 && this.#steps.length > 1 && served !== undefined && served === this.#steps[0]!.served;
  }

  started(id: number): void {
    this.#active.add(id);
  }

  ended(
    { id, request, served = request.asked, outcome, bytes, durationMs, retransmissions, error }: TransferSummary,
    now: number,
  ): void {
    const counts = this.#counts;
    this.#active.delete(id);
    this.#last = now;
    counts.requests++;
    counts.retransmissions += retransmissions;
    if (outcome === 'refused') {
      if (error?.code === ErrorCode.fileNotFound) counts.absent++;
      else counts.refused++;
      return;
    }
    if (outcome === 'probed') counts.probes++;
    counts.bytes += bytes;
    const latest = served === this.#latest?.served ? this.#latest : this.#next(served, now - durationMs);
    latest.ended = now;
    if (latest.step === undefined) return;
    latest.step.bytes += bytes;
    latest.step.ms = now - latest.began;
    latest.step.requests++;
    latest.step.outcome = outcome === 'completed' ? undefined : outcome;
  }

  story(ended: Boot['ended']): Boot {
    return { client: this.client, steps: this.#steps, ...this.#counts, ms: this.#last - this.#began, ended };
  }

  #next(served: string, began: number) {
    const afterMs = this.#latest ? Math.max(0, began - this.#latest.ended) : 0;
    const step =
      this.#steps.length < MAX_STEPS ? { served, bytes: 0, ms: 0, afterMs, requests: 0, outcome: undefined } : undefined;
    if (step) this.#steps.push(step);
    else this.#counts.moreSteps++;
    this.#latest = { served, began, ended: began, step };
    return this.#latest;
  }
}
