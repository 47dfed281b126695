/**
 * The log as a person reads it on a terminal: a record comes in, lines go out. It writes nothing and owns no timer.
 *
 * Names that do not exist are folded, since every boot loader searches: they wait for the next line of the same client, or for
 * `flush`. A size probe is dropped where the transfer of that name follows.
 */
import {
  isAbsent,
  isBoot,
  isNoOffer,
  isOffer,
  isStart,
  isTransfer,
  isUnderWay,
  type LogRecord,
  type TransferRecord,
} from './log-record.ts';
import {
  absentLine,
  bootLine,
  noOfferLine,
  offerLine,
  routeLines,
  startLine,
  transferLine,
  underWayLine,
} from './machine-lines.ts';
import { paint, type Span } from './painting.ts';
import { serverLines } from './server-lines.ts';

export interface TerminalViewOptions {
  /** Width of the terminal now. */
  columns(): number;
  readonly coloured: boolean;
  /** Also what is left out otherwise: beginnings of transfers, the life of generations. */
  verbose(): boolean;
  /** Absolute; paths below it are shown relative to it. */
  readonly folder: string;
}

/** Clients whose lines wait, at most. */
const MAX_WAITING = 256;
/** Names of one client that are kept, at most; more make a line of their own. */
const MAX_FOLDED = 1000;
/** What a save needs no line for beside its own. */
const VERBOSE_ONLY = new Set(['reload started', 'generation drained']);

export class TerminalView {
  readonly #options: TerminalViewOptions;
  /** By client: requests that ended in nothing, in order. */
  readonly #waiting = new Map<string, TransferRecord[]>();

  constructor(options: TerminalViewOptions) {
    this.#options = options;
  }

  /** Whether something waits for `flush`. */
  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  /** The lines to show now, none with a line end. */
  lines(record: LogRecord): readonly string[] {
    return this.#spans(record).map((spans) => this.#paint(spans));
  }

  /** The lines of what waits. */
  flush(): readonly string[] {
    return [...this.#waiting.keys()].flatMap((client) => this.#release(client)).map((spans) => this.#paint(spans));
  }

  #spans(record: LogRecord): readonly (readonly Span[])[] {
    const columns = Math.max(60, this.#options.columns());
    if (isStart(record)) return this.#options.verbose() ? [startLine(record, columns)] : [];
    if (isUnderWay(record)) return [underWayLine(record, columns)];
    if (isTransfer(record)) {
      if (isAbsent(record) || record.outcome === 'probed') return this.#wait(record);
      return [...this.#release(record.client, record.asked), transferLine(record, columns)];
    }
    if (isOffer(record)) return [offerLine(record, columns)];
    if (isNoOffer(record)) return [noOfferLine(record, columns)];
    if (isBoot(record)) return [...this.#release(record.client), bootLine(record, columns)];
    if (record.msg === 'route') return routeLines(record, columns);
    if (VERBOSE_ONLY.has(record.msg) && !this.#options.verbose()) return [];
    const last = record.msg.startsWith('stop') ? [...this.#waiting.keys()].flatMap((client) => this.#release(client)) : [];
    return [...last, ...serverLines(record, this.#options.folder, columns)];
  }

  #wait(record: TransferRecord): readonly (readonly Span[])[] {
    const { client } = record;
    const folded = this.#waiting.get(client) ?? [];
    const full =
      folded.length >= MAX_FOLDED ? client : this.#waiting.size >= MAX_WAITING ? this.#waiting.keys().next().value : undefined;
    const released = full === undefined ? [] : this.#release(full);
    const list = this.#waiting.get(client) ?? [];
    list.push(record);
    this.#waiting.set(client, list);
    return released;
  }

  /** @param asked a size probe of this name needs no line: here is the transfer */
  #release(client: string, asked?: string): readonly (readonly Span[])[] {
    const columns = Math.max(60, this.#options.columns());
    const waiting = this.#waiting.get(client) ?? [];
    this.#waiting.delete(client);
    const lines: (readonly Span[])[] = [];
    let absent: TransferRecord[] = [];
    const close = () => {
      if (absent.length > 0) lines.push(absentLine(absent, columns));
      absent = [];
    };
    for (const record of waiting) {
      if (isAbsent(record)) absent.push(record);
      else if (record.asked !== asked) {
        close();
        lines.push(transferLine(record, columns));
      }
    }
    close();
    return lines;
  }

  #paint(spans: readonly Span[]): string {
    return paint(spans, this.#options.coloured);
  }
}
