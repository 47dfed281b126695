/**
 * Where machines reach this server's files by HTTP.
 */
import type { ResolvedConfig } from '../config/resolve.ts';

/** Stands for the server's address where that is not known (RFC 5737: no machine has it). */
export const ANY_SERVER = '192.0.2.1';

const HTTP_PORT = 80;

/**
 * @param server the server's address on the machine's network
 * @returns `undefined` if the config does not serve HTTP there
 */
export function httpOriginOf(config: ResolvedConfig, server: string): string | undefined {
  const isIpv6 = server.includes(':');
  const on = config.http?.listen.find(
    ({ address }) => server === ANY_SERVER || address === server || address === (isIpv6 ? '::' : '0.0.0.0'),
  );
  if (on === undefined) return undefined;
  return `http://${isIpv6 ? `[${server}]` : server}${on.port === HTTP_PORT ? '' : `:${on.port}`}`;
}
