/**
 * Where machines reach this server's files by HTTP.
 */
import type { ResolvedConfig } from '../config/resolve.ts';

/** The needed keys of the section `http`, which is absent if HTTP is not served. */
interface HttpSection {
  readonly listen?: readonly { readonly port?: number }[];
}

const HTTP_PORT = 80;

/** @param server the server's address on the machine's network. @returns `undefined` if the config does not serve HTTP */
export function httpOriginOf(config: ResolvedConfig, server: string): string | undefined {
  const { http } = config as { readonly http?: HttpSection };
  if (http === undefined) return undefined;
  const { port = HTTP_PORT } = http.listen?.[0] ?? {};
  const host = server.includes(':') ? `[${server}]` : server;
  return `http://${host}${port === HTTP_PORT ? '' : `:${port}`}`;
}
