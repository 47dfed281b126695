/**
 * Asks the origin: one GET or HEAD, its redirects followed as long as they stay within `Location`. It knows nothing of caches.
 *
 * Node's `http` and not its `fetch`: `fetch` unpacks what comes with a `Content-Encoding` and cannot be told not to, so a file that
 * lies packed at the origin (`initrd.gz`) would arrive as another one, of another length than was announced.
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
  /** Sent with every request: credentials, and what the config adds. They never leave the origin, whatever a redirect says. */
  readonly headers: Readonly<Record<string, string>>;
  /** To connect, and until the first line of the answer. */
  readonly timeoutMs: number;
  /** A body that nothing comes of for so long is broken off. */
  readonly idleMs: number;
  /** Requests at a time; more of them wait. */
  readonly connections: number;
}

/** An answer that is no redirect. Whoever gets it reads its body or dismisses it. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

const MAX_REDIRECTS = 5;
/** A body that nobody wants and that is no longer than this is read to its end, which keeps the connection. */
const DRAIN_BYTES = 65536;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export class Origin {
  readonly #options: OriginOptions;
  /** By protocol: a redirect may lead from one to the other. */
  readonly #agents = new Map<string, HttpAgent>();
  readonly #closing = new AbortController();

  constructor(options: OriginOptions) {
    this.#options = options;
    setMaxListeners(0, this.#closing.signal);
  }

  /** Throws `OriginDown` if there is no answer, or only one that leads elsewhere. */
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
      // Credentials do not follow to another host, and do not come back by what that one answers.
      if (!location.holds(next)) sent = headers;
      at = next;
    }
    throw new OriginDown(`redirected more than ${MAX_REDIRECTS} times`);
  }

  /** Breaks off whatever is under way. */
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
        // The origin gave up a kept connection just as we took it: nothing has been answered, so it is asked again.
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
      // Not before: it may wait for a connection.
      request.once('socket', () => {
        timer = setTimeout(() => request.destroy(new OriginDown(`did not answer within ${timeoutMs} ms`)), timeoutMs);
      });
      request.once('response', (body) => {
        clearTimeout(timer);
        // Whoever reads it sees the error; nobody may be reading yet.
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

/** Gives back an answer whose body is not wanted. */
export function dismiss({ status, headers, body }: Reply): void {
  const length = status === 304 ? 0 : Number(headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (length <= DRAIN_BYTES) body.resume();
  else body.destroy();
}

/** A signed URL carries its credentials behind the path: they are nobody's business. */
function shown(to: string | undefined, from: URL): string {
  const url = URL.parse(to ?? '', from.href);
  return to === undefined || url === null ? 'nowhere' : `${url.origin}${url.pathname}`;
}
