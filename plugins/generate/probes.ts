/**
 * Some firmware (EDK2) sends two requests: one for the size, then one for the file. The size must not change in between, so the
 * bytes made for the first request are kept for the second for a limited time.
 */
import type { ExchangeSummary, ReadRequest } from 'pxe';

const KEPT_MS = 10_000;
const MAX_PROBES = 256;

export class Probes {
  readonly #now: () => number;
  /** By client and name, the oldest first. */
  readonly #made = new Map<string, { readonly bytes: Uint8Array; readonly at: number; probed: boolean }>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes the bytes made for this client's size probe of this name; they are returned once. */
  take(request: ReadRequest): Uint8Array | undefined {
    const key = keyOf(request);
    const made = this.#made.get(key);
    if (made === undefined || !made.probed) return undefined;
    this.#made.delete(key);
    return this.#now() - made.at < KEPT_MS ? made.bytes : undefined;
  }

  keep(request: ReadRequest, bytes: Uint8Array): void {
    this.#made.delete(keyOf(request));
    this.#made.set(keyOf(request), { bytes, at: this.#now(), probed: false });
    const [oldest] = this.#made.keys();
    if (this.#made.size > MAX_PROBES && oldest !== undefined) this.#made.delete(oldest);
  }

  ended({ request, outcome }: ExchangeSummary): void {
    if (request.kind !== 'read') return;
    const made = this.#made.get(keyOf(request));
    if (made && outcome === 'probed') made.probed = true;
    else this.#made.delete(keyOf(request));
  }
}

function keyOf({ client, name, local }: ReadRequest): string {
  return JSON.stringify([client.address, client.mac, local.address, name]);
}
