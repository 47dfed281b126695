/**
 * The log for a person at a terminal: it converts records to lines. It writes nothing and owns no timer.
 *
 * Names that do not exist are folded, since every boot loader searches: they wait for the next line of the same client, or for
 * `flush`. A size probe is dropped if the transfer of that name follows.
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
  /** Current width of the terminal. */
  columns(): number;
  readonly coloured: boolean;
  /** Also show starts of transfers, and generations. */
  verbose(): boolean;
  /** Absolute; paths below it are shown relative to it. */
  readonly folder: string;
}

/** Maximum clients with waiting lines. */
const MAX_WAITING = 256;
/** Maximum waiting names of one client; further names start another line. */
const MAX_FOLDED = 1000;
/** Messages that need no line besides that of the reload. */
const VERBOSE_ONLY = new Set(['reload started', 'generation drained']);

export class TerminalView {
  readonly #options: TerminalViewOptions;
  /** By client: requests for absent names, in order. */
  readonly #waiting = new Map<string, TransferRecord[]>();

  constructor(options: TerminalViewOptions) {
    this.#options = options;
  }

  /** Whether lines wait for `flush`. */
  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  /** The lines to show now, without line ends. */
  lines(record: LogRecord): readonly string[] {
    return this.#spans(record).map((spans) => this.#paint(spans));
  }

  /** The waiting lines. */
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

  /** @param asked the name of a transfer, whose size probe needs no line */
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
