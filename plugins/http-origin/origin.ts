/**
 * Sends one GET or HEAD to the origin and follows redirects that `Location` permits. It does not know the cache.
 *
 * It uses Node's `http`, because `fetch` always decodes a body with a `Content-Encoding`: a file stored compressed (`initrd.gz`)
 * would arrive with different bytes and a length other than announced.
 */
import { setMaxListeners } from 'node:events';
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as http,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as https } from 'node:https';
import { OriginDown } from './fault.ts';
import type { Location } from './location.ts';

export interface OriginOptions {
  readonly location: Location;
  /** Headers of every request: credentials and those from the config. They are never sent to another host after a redirect. */
  readonly headers: Readonly<Record<string, string>>;
  /** Time limit until the status line of the response. */
  readonly timeoutMs: number;
  /** A body is aborted after this long without data. */
  readonly idleMs: number;
  /** Maximum concurrent requests; others wait. */
  readonly connections: number;
}

/** A response that is not a redirect. The caller must read its body or dismiss it. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

const MAX_REDIRECTS = 5;
/** An unwanted body of at most this length is read to its end, which keeps the connection usable. */
const DRAIN_BYTES = 65536;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export class Origin {
  readonly #options: OriginOptions;
  /** Agents by protocol: a redirect may lead from one to the other. */
  readonly #agents = new Map<string, HttpAgent>();
  readonly #closing = new AbortController();

  constructor(options: OriginOptions) {
    this.#options = options;
    setMaxListeners(0, this.#closing.signal);
  }

  /** Throws `OriginDown` if there is no response or a redirect that is not permitted. */
  async ask(url: URL, headers: Readonly<Record<string, string>> = {}, method: 'GET' | 'HEAD' = 'GET'): Promise<Reply> {
    const { location, headers: own } = this.#options;
    let at = url;
    let sent: Readonly<Record<string, string>> = { ...own, ...headers };
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const reply = await this.#send(at, sent, method);
      if (!REDIRECTS.has(reply.status)) return reply;
      dismiss(reply);
      const to = reply.headers.location;
      const next = to === undefined ? undefined : location.redirected(at, to);
      if (next === undefined) throw new OriginDown(`redirected to ${shown(to, at)}, which is not ${location.bounds}`);
      // Credentials are not sent to another host, nor sent again after it redirects back.
      if (!location.holds(next)) sent = headers;
      at = next;
    }
    throw new OriginDown(`redirected more than ${MAX_REDIRECTS} times`);
  }

  /** Aborts all requests. */
  close(): void {
    this.#closing.abort(new OriginDown('no longer needed'));
    for (const agent of this.#agents.values()) agent.destroy();
  }

  async #send(url: URL, headers: Readonly<Record<string, string>>, method: string): Promise<Reply> {
    const all = { ...headers, 'accept-encoding': 'identity' };
    const begin = (): ClientRequest =>
      (url.protocol === 'https:' ? https : http)(url, {
        agent: this.#agentFor(url),
        headers: all,
        method,
        signal: this.#closing.signal,
      });
    for (let request = begin(); ; request = begin()) {
      try {
        return await this.#answer(request);
      } catch (error) {
        // The origin closed a kept-alive connection just as it was reused. No response had begun, so the request is repeated.
        if (request.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET') continue;
        throw error instanceof OriginDown
          ? error
          : new OriginDown(`does not answer: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  #agentFor({ protocol }: URL): HttpAgent {
    const known = this.#agents.get(protocol);
    if (known) return known;
    const settings = { keepAlive: true, maxSockets: this.#options.connections };
    const agent = protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings);
    this.#agents.set(protocol, agent);
    return agent;
  }

  #answer(request: ClientRequest): Promise<Reply> {
    const { timeoutMs, idleMs } = this.#options;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      // The timeout starts now and not earlier, because the request may have waited for a connection.
      request.once('socket', () => {
        timer = setTimeout(() => request.destroy(new OriginDown(`did not answer within ${timeoutMs} ms`)), timeoutMs);
      });
      request.once('response', (body) => {
        clearTimeout(timer);
        // The reader gets the error; this handler is for a body without a reader.
        body.on('error', () => {});
        body.setTimeout(idleMs, () => body.destroy(new OriginDown(`sent nothing for ${idleMs} ms`)));
        resolve({ status: body.statusCode ?? 0, headers: body.headers, body });
      });
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      request.end();
    });
  }
}

/** Releases a response whose body is not wanted. */
export function dismiss({ status, headers, body }: Reply): void {
  const length = status === 304 ? 0 : Number(headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (length <= DRAIN_BYTES) body.resume();
  else body.destroy();
}

/** Without the query: a signed URL carries its credentials there. */
function shown(to: string | undefined, from: URL): string {
  const url = URL.parse(to ?? '', from.href);
  return to === undefined || url === null ? 'nowhere' : `${url.origin}${url.pathname}`;
}
