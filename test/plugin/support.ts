/** A clock, a log and a folder under the test's control. */

import type { Clock } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import { bytesContent } from '../../src/content/bytes.ts';
import type { Content } from '../../src/content/content.ts';
import type { DhcpRequest } from '../../src/dhcp/request.ts';
import type { Plugin } from '../../src/plugin/define.ts';
import { Pipeline, type PipelineEnvironment } from '../../src/plugin/pipeline.ts';
import { readyPlugins } from '../../src/plugin/ready.ts';
import type { ExchangeInfo, ExchangeSummary, Folder, ReadRequest } from '../../src/plugin/types.ts';
import type { TftpReadRequest, TftpWriteRequest } from '../../src/tftp/request.ts';
import type { TftpSummary } from '../../src/tftp/summary.ts';

export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Lets what is ready run, then moves time on. */
  async advance(ms: number): Promise<void> {
    await settle();
    this.#now += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.#now || !this.#timers.delete(timer)) continue;
      timer.run();
    }
    await settle();
  }
}

/** Long enough for any chain of promises here. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

export function recordingLog(lines: LogLine[] = [], bindings: object = {}): Log & { readonly lines: LogLine[] } {
  const write = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ level, message, fields: { ...bindings, ...fields } });
  };
  return {
    lines,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => recordingLog(lines, { ...bindings, ...more }),
  };
}

/** Content that counts how often it was closed. */
export interface CountedContent extends Content {
  closed: number;
  readonly name?: string;
}

export function counted(text: string, name?: string): CountedContent {
  const content: CountedContent = {
    ...bytesContent(Buffer.from(text)),
    ...(name === undefined ? {} : { name }),
    closed: 0,
    close() {
      content.closed++;
    },
  };
  return content;
}

/** A folder of names and texts. */
export function fakeFolder(files: Record<string, string>, opened: CountedContent[] = []): Folder {
  return {
    async open(name) {
      const text = Object.hasOwn(files, name) ? files[name] : undefined;
      if (text === undefined) return undefined;
      const content = counted(text, name);
      opened.push(content);
      return content;
    },
    has: async (name) => Object.hasOwn(files, name),
    spelling: async (name) =>
      [name, ...Object.keys(files)].find((one) => Object.hasOwn(files, one) && one.toLowerCase() === name.toLowerCase()),
    list: async (folder) => {
      const prefix = folder === '' ? '' : `${folder}/`;
      const below = Object.keys(files).filter((name) => name.startsWith(prefix));
      return below.length === 0 ? undefined : [...new Set(below.map((name) => name.slice(prefix.length).split('/')[0]!))];
    },
  };
}

export function environment(overrides: Partial<PipelineEnvironment> = {}) {
  const opened: CountedContent[] = [];
  const watched: string[] = [];
  const base = {
    clock: new FakeClock(),
    log: recordingLog(),
    opened,
    watched,
    configDir: '/lab',
    root: fakeFolder({ kernel: 'kernel of the root', 'boot/a': 'a' }, opened),
    folder: (path: string) => fakeFolder({ in: path }),
    watch: (path: string) => void watched.push(path),
    hookMs: 5000,
    setupMs: 10_000,
  };
  return Object.assign(base, overrides as object);
}

/** Starts plugins whose options are valid. */
export async function start(plugins: readonly Plugin[], env: PipelineEnvironment): Promise<Pipeline> {
  const ready = readyPlugins(plugins);
  if (ready.issues.length > 0) throw new Error(JSON.stringify(ready.issues));
  return Pipeline.start(ready.plugins, env);
}

export function readRequest(name: string, client: Partial<ReadRequest['client']> = {}): TftpReadRequest {
  return {
    protocol: 'tftp',
    kind: 'read',
    client: { address: '192.168.7.20', port: 2070, ...client },
    local: { address: '192.168.7.1', port: 69 },
    asked: `/${name}`,
    name,
    tftp: { mode: 'octet', options: new Map() },
  };
}

export function writeRequest(name: string): TftpWriteRequest {
  return { ...readRequest(name), kind: 'write', size: undefined };
}

export function bootRequest(client: Partial<ReadRequest['client']> = {}): DhcpRequest {
  return {
    protocol: 'dhcp',
    kind: 'boot',
    client: {
      address: '0.0.0.0',
      port: 68,
      mac: '52:54:00:12:34:56',
      macSource: 'dhcp',
      firmware: 'uefi-x64',
      arch: 7,
      ...client,
    },
    local: { address: '192.168.7.1', port: 67 },
    asked: '',
    name: '',
    dhcp: { vendorClass: 'PXEClient' },
  };
}

export function transfer(overrides: Partial<ExchangeInfo> = {}): ExchangeInfo {
  return { id: 12, request: readRequest('kernel'), served: 'kernel', size: 3, generation: 1, ...overrides };
}

export const TFTP_SUMMARY: TftpSummary = {
  agreed: new Map([['blksize', '1468']]),
  blockSize: 1468,
  windowSize: 1,
  rttMs: 0.25,
  retransmissions: 2,
  lastAckMissing: false,
};

export function summary(overrides: Partial<ExchangeSummary> = {}): ExchangeSummary {
  return {
    ...transfer(),
    outcome: 'completed',
    bytes: 3_000_000,
    durationMs: 1500,
    tftp: TFTP_SUMMARY,
    error: undefined,
    ...overrides,
  };
}
