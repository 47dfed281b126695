/**
 * Where names lie at the origin: always beneath one base URL, whatever a client asks for or a redirect says. Pure.
 */

export class Location {
  readonly base: URL;

  /** @param base an absolute URL of http or https, without credentials, query and fragment */
  constructor(base: string) {
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

  /** Where a redirect leads; `undefined` if that is not beneath the base. */
  redirected(from: URL, to: string): URL | undefined {
    const url = URL.parse(to, from.href);
    return url !== null && this.holds(url) ? url : undefined;
  }

  /** Same scheme, host and port, and a path beneath the base's. */
  holds({ origin, pathname, username, password }: URL): boolean {
    return origin === this.base.origin && pathname.startsWith(this.base.pathname) && username === '' && password === '';
  }
}

/** `encodeURIComponent` leaves dots alone, and a URL's path walks by them. */
const NAVIGATING = new Set(['', '.', '..']);
