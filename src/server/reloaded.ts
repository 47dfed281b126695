/**
 * A completed reload, and its line in the log.
 */

import type { Log } from '../base/log.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { ExchangeInfo } from '../plugin/types.ts';
import type { Changes } from './changes.ts';

export interface Reloaded {
  readonly generation: number;
  readonly config: ResolvedConfig;
  /** Those whose change was the reason; none where the reload was asked for. */
  readonly files: readonly string[];
  /** Listed machines that are new, gone, or get something else; `undefined` where that is not known. Counted when all is in force. */
  readonly machines: Promise<number | undefined>;
  readonly changes: Changes;
  /** From the loaded config to the moment it was in force. */
  readonly durationMs: number;
  /** Transfers that go on under earlier generations. */
  readonly draining: number;
}

/** @param draining the transfers that go on under earlier generations */
export function logReloaded(
  log: Log,
  { generation, files, changes, durationMs }: Reloaded,
  draining: readonly ExchangeInfo[],
  machines: number | undefined,
): void {
  const { keys, plugins, later } = changes;
  const fields = { generation, ms: Math.round(durationMs), files, machines, draining: draining.length, keys, plugins };
  log.info(fields, 'reload done');
  for (const { key, reason } of later) log.warn({ key, reason }, 'takes effect after a restart');
  for (const { id, request, generation } of draining) {
    const { client, asked } = request;
    log.debug({ transfer: id, generation, client: client.address, asked }, 'transfer continues under its generation');
  }
}
