/**
 * A completed reload and its log line.
 */

import type { Log } from '../base/log.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { ExchangeInfo } from '../plugin/types.ts';
import type { Changes } from './changes.ts';

export interface Reloaded {
  readonly generation: number;
  readonly config: ResolvedConfig;
  /** Files whose change caused the reload; empty if the reload was requested. */
  readonly files: readonly string[];
  /** Listed machines that were added, removed or changed; `undefined` if unknown. Counted after the config is in force. */
  readonly machines: Promise<number | undefined>;
  readonly changes: Changes;
  /** Time from loading the config to putting it in force. */
  readonly durationMs: number;
  /** Transfers that continue under earlier generations. */
  readonly draining: number;
}

/** @param draining the transfers that continue under earlier generations */
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
