/**
 * The log: JSON lines for a pipe, readable lines for a terminal, and priorities for systemd's journal.
 */
import { type Logger, pino } from 'pino';
import type { ResolvedConfig } from '../config/resolve.ts';
import { errorRecord } from './error-record.ts';
import { withLevelName, withoutControls, withPriority } from './json-line.ts';
import { writeQuickly } from './log-line.ts';
import type { LogRecord } from './log-record.ts';
import { TerminalView } from './terminal-view.ts';

/** The log settings of a config. */
export type LogSettings = ResolvedConfig['log'];

export interface LogOptions {
  /** The settings in force. A reload may change them, except `level`, which is set on the log itself. */
  settings(): LogSettings;
  /** The terminal; `undefined` for JSON lines. */
  readonly terminal: { columns(): number; readonly coloured: boolean } | undefined;
  /** Whether systemd's journal reads the lines. */
  readonly journal: boolean;
}

/** Takes finished lines with their line ends, and never throws. */
export interface LineSink {
  write(line: string): void;
}

export type AppLog = Logger;

/** Time that absent names wait for others, to be folded. */
const FOLD_MS = 1000;

export function createLog({ settings, terminal, journal }: LogOptions, sink: LineSink): Logger {
  const { level } = settings();
  const { isoTime, epochTime } = pino.stdTimeFunctions;
  const timestamp = () => (terminal === undefined && settings().time === 'iso' ? isoTime() : epochTime());
  const options = { level, base: null, timestamp, serializers: { err: errorRecord } };
  if (terminal !== undefined) {
    const log: Logger = pino(
      options,
      terminalSink(terminal, sink, () => log.isLevelEnabled('debug')),
    );
    return writeQuickly(log);
  }
  const log = pino(options, {
    write(written) {
      const line = withoutControls(written);
      const named = settings().levels === 'name' ? withLevelName(line) : line;
      sink.write(journal ? withPriority(line, named) : named);
    },
  });
  return writeQuickly(log);
}

function terminalSink(terminal: NonNullable<LogOptions['terminal']>, sink: LineSink, verbose: () => boolean): LineSink {
  const view = new TerminalView({ ...terminal, verbose, folder: process.cwd() });
  const show = (lines: readonly string[]) => {
    for (const line of lines) sink.write(`${line}\n`);
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    write(line) {
      show(view.lines(JSON.parse(line) as LogRecord));
      if (!view.waits || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        show(view.flush());
      }, FOLD_MS).unref();
    },
  };
}
