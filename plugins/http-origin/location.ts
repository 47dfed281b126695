/**
 * Maps names to URLs of the origin, always below one base URL, whatever the client requests. A redirect may lead to other hosts
 * if the config lists them. Pure.
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

  /**
   * The URL of a name. Each segment is encoded, so that no character has a special meaning. `undefined` if no URL can express the
   * name.
   */
  urlOf(name: string): URL | undefined {
    const segments = name.split('/');
    if (segments.some((segment) => NAVIGATING.has(segment) || !segment.isWellFormed())) return undefined;
    const url = new URL(this.base.href + segments.map(encodeURIComponent).join('/'));
    return this.holds(url) ? url : undefined;
  }

  /** The target of a redirect; `undefined` if it is neither below the base nor on a listed host. */
  redirected(from: URL, to: string): URL | undefined {
    const url = URL.parse(to, from.href);
    return url !== null && (this.holds(url) || this.#allows(url, from)) ? url : undefined;
  }

  /** The permitted targets of a redirect, for messages. */
  get bounds(): string {
    return `under ${this.base}${this.#redirectHosts.length === 0 ? '' : ' or on a host listed in redirectHosts'}`;
  }

  /** Same scheme, host and port, and a path below the base's. */
  holds({ origin, pathname, username, password }: URL): boolean {
    return origin === this.base.origin && pathname.startsWith(this.base.pathname) && username === '' && password === '';
  }

  /** A redirect from https to http would expose the file on the network. */
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

/** Whether a text is a valid element of `redirectHosts`. */
export function isHost(text: string): boolean {
  return HOST.test(text.toLowerCase());
}

/** A URL omits the default port of its scheme. */
function samePort(given: string, found: string, protocol: string): boolean {
  return given === found || (found === '' && given === (protocol === 'https:' ? '443' : '80'));
}

/** `encodeURIComponent` does not encode dots, and `..` would climb in a URL's path. */
const NAVIGATING = new Set(['', '.', '..']);
