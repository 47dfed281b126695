/**
 * Where a file is: `tftp://host[:port]/name` (RFC 3617), as curl and others write it.
 */
import { ClientError } from './error.ts';

/** A file on a server. */
export interface Remote {
  /** A name, an IPv4 address, or an IPv6 address without brackets, with its zone if it needs one (`fe80::1%eth0`). */
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

export const DEFAULT_PORT = 69;

/** Throws a {@link ClientError} if it is no such URL. `;mode=` (RFC 3617) stays part of the name: too many files have a `;`. */
export function parseUrl(url: string): Remote {
  const match = /^tftp:\/\/(?:\[([0-9a-f:.]+(?:%[^\]]+)?)\]|([^/:[\]]+))(?::([0-9]{1,5}))?\/(.+)$/is.exec(url);
  const host = match?.[1] ?? match?.[2];
  const name = match?.[4];
  if (host === undefined || name === undefined) throw bad(url, 'expected tftp://host[:port]/name');
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (port < 1 || port > 65535) throw bad(url, 'the port must be from 1 to 65535');
  return { host: host.replace(/^(.*)%25/, '$1%'), port, name: decode(name) };
}

/** A `%` that begins no escape is itself. */
function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function bad(url: string, message: string): ClientError {
  return new ClientError({ kind: 'local', code: undefined, message: `"${url}" is not a TFTP URL: ${message}` });
}
