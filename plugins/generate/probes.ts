/**
 * Firmware asks twice: for the size, and then for the file (EDK2). Between the two a file must not change its size, so what was made
 * for the first request is kept for the second, for a while.
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

  /** What was made for a request of this client for this name that only asked for the size; once. */
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
