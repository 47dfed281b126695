/**
 * Where names lie at the origin: always beneath one base URL, whatever a client asks for. A redirect may lead to other hosts, if the
 * config lists them. Pure.
 */

export class Location {
  readonly base: URL;
  readonly #redirectHosts: readonly string[];

  /**
   * @param base an absolute URL of http or https, without credentials, query and fragment
   * @param redirectHosts `cdn.example`, `cdn.example:8443`, `*.cdn.example`
   */
  constructor(base: string, redirectHosts: readonly string[] = []) {
    this.#redirectHosts = redirectHosts;
    this.base = new URL(base);
    if (!this.base.pathname.endsWith('/')) this.base.pathname += '/';
  }

  /** The URL of a name, each of its segments encoded by itself: nothing in it can mean anything. `undefined` if no URL can stand for it. */
  urlOf(name: string): URL | undefined {
    const segments = name.split('/');
    if (segments.some((segment) => NAVIGATING.has(segment) || !segment.isWellFormed())) return undefined;
    const url = new URL(this.base.href + segments.map(encodeURIComponent).join('/'));
    return this.holds(url) ? url : undefined;
  }

  /** Where a redirect leads; `undefined` if that is neither beneath the base nor on a host of the list. */
  redirected(from: URL, to: string): URL | undefined {
    const url = URL.parse(to, from.href);
    return url !== null && (this.holds(url) || this.#allows(url, from)) ? url : undefined;
  }

  /** What a redirect must lead to, for messages. */
  get bounds(): string {
    return `under ${this.base}${this.#redirectHosts.length === 0 ? '' : ' or on a host listed in redirectHosts'}`;
  }

  /** Same scheme, host and port, and a path beneath the base's. */
  holds({ origin, pathname, username, password }: URL): boolean {
    return origin === this.base.origin && pathname.startsWith(this.base.pathname) && username === '' && password === '';
  }

  /** A redirect from https to http would hand the file to anybody on the way. */
  #allows({ protocol, hostname, port, username, password }: URL, from: URL): boolean {
    if (protocol !== 'https:' && (protocol !== 'http:' || from.protocol !== 'http:')) return false;
    if (username !== '' || password !== '') return false;
    return this.#redirectHosts.some((written) => {
      const [, wildcard, host, givenPort = ''] = HOST.exec(written.toLowerCase()) ?? [];
      if (host === undefined || !samePort(givenPort, port, protocol)) return false;
      return wildcard === undefined ? hostname === host : hostname.endsWith(`.${host}`);
    });
  }
}

/** `cdn.example`, `cdn.example:8443`, `*.cdn.example`, `192.0.2.1`, `[2001:db8::1]:8080` */
const HOST = /^(\*\.)?([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(\d+))?$/;

/** Whether a text names a host as `redirectHosts` wants it. */
export function isHost(text: string): boolean {
  return HOST.test(text.toLowerCase());
}

/** A URL leaves out the port that its scheme has anyway. */
function samePort(given: string, found: string, protocol: string): boolean {
  return given === found || (found === '' && given === (protocol === 'https:' ? '443' : '80'));
}

/** `encodeURIComponent` leaves dots alone, and a URL's path walks by them. */
const NAVIGATING = new Set(['', '.', '..']);
