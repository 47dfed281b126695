/**
 * Where machines reach this server's files by HTTP.
 */
import type { ResolvedConfig } from '../config/resolve.ts';

const HTTP_PORT = 80;

/** @param server the server's address on the machine's network. @returns `undefined` if the config does not serve HTTP */
export function httpOriginOf(config: ResolvedConfig, server: string): string | undefined {
  if (config.http === undefined) return undefined;
  const { port } = config.http.listen[0]!;
  const host = server.includes(':') ? `[${server}]` : server;
  return `http://${host}${port === HTTP_PORT ? '' : `:${port}`}`;
}
