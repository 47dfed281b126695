/** The plugin in a pipeline, with a real cache folder and a real clock. */

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { httpOrigin } from '../../../plugins/http-origin.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { Refusal } from '../../../src/base/refusal.ts';
import type { Content } from '../../../src/content/content.ts';
import { nodeFileSystem } from '../../../src/content/node-filesystem.ts';
import { readSegment } from '../../../src/content/read-segment.ts';
import { Root } from '../../../src/content/root.ts';
import { codeOf } from '../../../src/tftp/protocol/refusal.ts';
import { environment, type LogLine, readRequest, recordingLog, start } from '../../plugin/support.ts';

/** For what is waited for and will come: a loaded machine must not make a test fail. */
export const PATIENCE_MS = 15_000;

export type OriginOptions = Parameters<typeof httpOrigin>[0];

export function cacheFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'pxe-origin-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A generation. Whatever is open of it is closed before it is disposed of, as the server does. */
export async function rig(options: Partial<OriginOptions> & { url: string; cacheDir: string }, { hookMs = 5000 } = {}) {
  const log = recordingLog();
  const env = {
    ...environment({ log, hookMs, clock: systemClock }),
    folder: (path: string) => new Root(path, { fileSystem: nodeFileSystem, stableMs: 0 }),
  };
  const pipeline = await start([httpOrigin({ freshMs: 0, lingerMs: 20, ...options })], env);
  const open = new Set<Content>();
  let disposed: Promise<void> | undefined;
  const dispose = (): Promise<void> => {
    disposed ??= (async () => {
      for (const content of open) await content.close();
      await pipeline.dispose();
    })();
    return disposed;
  };
  onTestFinished(dispose);
  /** Opens a name; `ERROR 1 file not found` if it is refused. */
  const ask = async (name: string): Promise<Content | string> => {
    const { content, error } = await pipeline.route(readRequest(name));
    if (error) return `ERROR ${codeOf(error)} ${error.message}`;
    open.add(content);
    return content;
  };
  const count = (message: RegExp): number => log.lines.filter((line) => message.test(line.message)).length;
  return {
    log: log.lines,
    dispose,
    logged: (message: string): LogLine[] => log.lines.filter((line) => line.message === message),
    open: ask,
    /** All bytes of a name as text, when the downloads are over: until then the next request would join them. */
    async get(name: string): Promise<string> {
      const content = await ask(name);
      if (typeof content === 'string') return content;
      const all = await readAll(content);
      await vi.waitFor(() => expect(count(/^download (completed|failed|stopped)/)).toBe(count(/^download started/)), PATIENCE_MS);
      return all;
    },
  };
}

/** Bytes as text; many of them as their number and a hash. */
export function brief(bytes: Uint8Array): string {
  if (bytes.length <= 100) return Buffer.from(bytes).toString('latin1');
  return `${bytes.length} bytes ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
}

/** As the server reads: segment by segment. Closes it. */
export async function readAll(content: Content): Promise<string> {
  const parts: Uint8Array[] = [];
  try {
    for (let index = 0; ; index++) {
      const bytes = await readSegment(content, index);
      parts.push(bytes);
      if (bytes.length < 65536) return brief(Buffer.concat(parts));
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return `${parts.length} segments, then ERROR ${codeOf(error)} ${error.message}`;
  } finally {
    await content.close();
  }
}
