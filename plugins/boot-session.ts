/**
 * One boot of one machine: the files that it has loaded, in order, and its counters. It writes no log; the caller passes the
 * time.
 */
import type { BootLayout, ExchangeInfo, ExchangeSummary, Firmware } from 'pxe';

/** A file of a boot, requested once or several times in a row. */
export interface BootStep {
  /** The file under the root, or `plugin:<name>`. */
  readonly served: string;
  readonly bytes: number;
  /** From its first request to the end of its last. */
  readonly ms: number;
  /** Since the end of the previous step: the time that the machine spent between the two. */
  readonly afterMs: number;
  readonly requests: number;
  /** Outcome of the last request for the file, unless it was `completed`. */
  readonly outcome: Exclude<ExchangeSummary['outcome'], 'completed'> | undefined;
}

/** What DHCP told a machine to load. */
export interface BootOffer {
  readonly offered: string;
  readonly layout: BootLayout | undefined;
  readonly answeredOn: 67 | 4011;
  /** The firmware that sent the request, or iPXE. */
  readonly firmware: Firmware | undefined;
  readonly ms: number;
}

export interface Boot {
  readonly client: ExchangeInfo['request']['client'];
  /** The first {@link MAX_OFFERS}. */
  readonly offers: readonly BootOffer[];
  /** The first {@link MAX_STEPS}. */
  readonly steps: readonly BootStep[];
  /** Number of further steps. */
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
  /**
   * Why it is over: its last step is known to be the last (`done`), no request followed (`idle`), the machine started over
   * (`again`), or the server stopped following it (`cut`: the server stops, or too many machines boot).
   */
  readonly ended: 'done' | 'idle' | 'again' | 'cut';
  /** An earlier part of this boot was reported as `done`. */
  readonly continued: boolean;
}

export const MAX_STEPS = 64;
export const MAX_OFFERS = 8;

type Step = { -readonly [Key in keyof BootStep]: BootStep[Key] };

/** The first and the last file of a boot. */
export interface Chain {
  readonly first: string;
  readonly last: string;
}

/** A boot in progress. */
export class Session {
  client: Boot['client'];
  /** The boot has been reported. */
  told = false;
  /** The boot that was reported as done before this one began, until it is known whether this one continues it. */
  before: Chain | undefined;
  continued = false;
  readonly keys: string[] = [];
  readonly #began: number;
  /** Time of the last event. */
  #last: number;
  /** Transfers under way. */
  readonly #active = new Set<number>();
  readonly #offers: BootOffer[] = [];
  readonly #steps: Step[] = [];
  readonly #counts = { moreSteps: 0, bytes: 0, requests: 0, probes: 0, absent: 0, refused: 0, retransmissions: 0 };
  /** The file that was sent last; `step` is absent beyond {@link MAX_STEPS}. */
  #latest: { readonly served: string; readonly began: number; ended: number; readonly step: Step | undefined } | undefined;

  constructor(client: Boot['client'], now: number) {
    this.client = client;
    this.#began = now;
    this.#last = now;
  }

  /** The first file; `undefined` before any file was served. */
  get first(): string | undefined {
    return this.#steps[0]?.served;
  }

  /** `undefined` unless the boot has at least two steps and its last file was loaded completely. */
  get chain(): Chain | undefined {
    const step = this.#latest?.step;
    if (this.first === undefined || this.#steps.length < 2 || step === undefined || step.outcome !== undefined) return undefined;
    return { first: this.first, last: step.served };
  }

  isIdle(since: number): boolean {
    return this.#active.size === 0 && this.#last <= since;
  }

  /**
   * Whether a request for `served` starts the boot over: the machine had moved on to other files and now requests the first one
   * again.
   */
  isBegunAnewBy(served: string | undefined): boolean {
    return this.#active.size === 0 && this.#steps.length > 1 && served !== undefined && served === this.#steps[0]!.served;
  }

  /** Whether the machine has loaded a file or received an offer. */
  get isBegun(): boolean {
    return this.#steps.length > 0 || this.#offers.length > 0;
  }

  /**
   * Firmware sends its DHCP request before it loads a file, so a new one means that the machine started over. iPXE sends one in
   * the middle of a boot.
   */
  isBegunAnewByOffer({ request, dhcp }: ExchangeSummary): boolean {
    return dhcp?.port === 67 && !dhcp.isRepeat && request.client.firmware !== 'ipxe' && this.#active.size === 0 && this.isBegun;
  }

  offered({ request, dhcp, durationMs }: ExchangeSummary, now: number): void {
    this.#last = now;
    if (dhcp?.offered === undefined || dhcp.isRepeat || this.#offers.length >= MAX_OFFERS) return;
    const { offered, layout, port } = dhcp;
    this.#offers.push({ offered, layout, answeredOn: port, firmware: request.client.firmware, ms: durationMs });
  }

  started(id: number): void {
    this.#active.add(id);
  }

  ended({ id, request, served = request.asked, outcome, bytes, durationMs, error, tftp }: ExchangeSummary, now: number): void {
    const counts = this.#counts;
    this.#active.delete(id);
    this.#last = now;
    counts.requests++;
    counts.retransmissions += tftp?.retransmissions ?? 0;
    if (outcome === 'refused') {
      if (error?.reason === 'not-found') counts.absent++;
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
    return {
      client: this.client,
      offers: this.#offers,
      steps: this.#steps,
      ...this.#counts,
      ms: this.#last - this.#began,
      ended,
      continued: this.continued,
    };
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
