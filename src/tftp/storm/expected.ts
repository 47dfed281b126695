/**
 * What files must be: a local folder, to compare with what a server sends. Each file is read once and kept.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export class Expected {
  readonly #folder: string;
  readonly #files = new Map<string, Uint8Array>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Throws Node's system error if there is no such file. */
  load(name: string): Uint8Array {
    const known = this.#files.get(name);
    if (known) return known;
    const bytes = readFileSync(join(this.#folder, name.replaceAll('\\', '/')));
    this.#files.set(name, bytes);
    return bytes;
  }

  /** `undefined` if there is no such file: it may be absent on the server, too. */
  find(name: string): Uint8Array | undefined {
    try {
      return this.load(name);
    } catch {
      return undefined;
    }
  }
}
