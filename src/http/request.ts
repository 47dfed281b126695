/**
 * From what came over the wire to what plugins see. Everything in it that a client wrote stays untrusted text.
 */
import { Refusal } from '../base/refusal.ts';
import { readName } from '../content/name.ts';
import type { ReadFields } from '../plugin/types.ts';
import type { RequestHeaders } from './protocol/answer.ts';
import { nameOf } from './protocol/target.ts';

/** What is particular to a request that came by HTTP. */
export interface HttpDetails {
  readonly method: 'GET' | 'HEAD';
  /** Whether it came over TLS. */
  readonly isSecure: boolean;
  /** The client's description of itself, at most 200 characters. Untrusted text. */
  readonly userAgent: string | undefined;
}

export type HttpRequest = ReadFields & { readonly protocol: 'http'; readonly http: HttpDetails };

declare module '../plugin/types.ts' {
  interface RequestByProtocol {
    readonly http: HttpRequest;
  }
}

/** A request as it has come from the wire. */
export interface Received extends Pick<ReadFields, 'client' | 'local'> {
  readonly method: 'GET' | 'HEAD';
  readonly target: string;
  readonly headers: RequestHeaders;
  readonly isSecure: boolean;
}

/** The request as far as it can be understood; `refusal` is the answer if that is not enough. */
export interface Understood {
  readonly request: HttpRequest;
  readonly refusal: Refusal | undefined;
  /** The answer unless a plugin makes another name of this one, which no file can have. */
  readonly unservable: Refusal | undefined;
}

const USER_AGENT_CHARS = 200;

/** `undefined` if the target is malformed. */
export function understand({ client, local, method, target, headers, isSecure }: Received): Understood | undefined {
  const asked = nameOf(target);
  if (asked === undefined) return undefined;
  const agent = headers['user-agent'];
  const userAgent = typeof agent === 'string' ? agent.slice(0, USER_AGENT_CHARS) : undefined;
  const { name, refusal, unservable } = read(asked);
  const http: HttpDetails = { method, isSecure, userAgent };
  return { request: { protocol: 'http', kind: 'read', client, local, asked, name, http }, refusal, unservable };
}

function read(asked: string): Pick<Understood, 'refusal' | 'unservable'> & { readonly name: string } {
  try {
    return { ...readName(asked), refusal: undefined };
  } catch (error) {
    if (error instanceof Refusal) return { name: '', refusal: error, unservable: undefined };
    throw error;
  }
}
