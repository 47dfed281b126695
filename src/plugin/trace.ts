/**
 * What each plugin was asked and what it answered, for `pxe explain` and for debugging. Plain data, fit for JSON.
 */

import { errorText } from '../base/error-text.ts';
import { Refusal } from '../base/refusal.ts';
import { factNames, sourceOf } from './facts.ts';
import type { Client, FactName, Folder, Hooks } from './types.ts';

/** What a trace and the log say of a refusal: a service adds its own code. */
export type Describe = (refusal: Refusal) => string;

/** A file name that was looked up under the root. */
export interface Lookup {
  readonly name: string;
  readonly found: boolean;
  /** Why it was refused, if it was. */
  readonly error?: string;
}

/** One hook of one plugin, asked once; or the root directory itself, which is asked last. */
export interface TraceEntry {
  /** `undefined`: the root directory. */
  readonly plugin: string | undefined;
  readonly hook: keyof Hooks;
  /** What it was asked about: an address (`identify`, `host`) or a name. */
  readonly before: string;
  /** What it answered, in short; `undefined` when it had no answer. */
  after?: string;
  /** What the plugin says about its answer. */
  note?: string;
  /** How it failed; stands instead of `after`. */
  error?: string;
  ms: number;
  readonly lookups: Lookup[];
}

/** In the order of asking. Filled while a request is routed, hence complete up to a failure, too. */
export type Trace = TraceEntry[];

/** A folder; what is looked up in it is noted. */
export class TracedFolder implements Folder {
  readonly #folder: Folder;
  readonly #lookups: Lookup[];
  readonly #describe: Describe | undefined;

  constructor(folder: Folder, lookups: Lookup[], describe: Describe | undefined) {
    this.#folder = folder;
    this.#lookups = lookups;
    this.#describe = describe;
  }

  open(name: string): ReturnType<Folder['open']> {
    return this.#noted(name, this.#folder.open(name));
  }

  has(name: string): ReturnType<Folder['has']> {
    return this.#noted(name, this.#folder.has(name));
  }

  spelling(name: string): ReturnType<Folder['spelling']> {
    return this.#noted(name, this.#folder.spelling(name));
  }

  /** Not noted: what `pxe check` looks around in is not a lookup for a machine. */
  list(name: string): ReturnType<Folder['list']> {
    return this.#folder.list(name);
  }

  async #noted<T>(name: string, look: Promise<T>): Promise<T> {
    try {
      const found = await look;
      this.#lookups.push({ name, found: found !== undefined && found !== false });
      return found;
    } catch (error) {
      this.#lookups.push({ name, found: false, error: describeError(error, this.#describe) });
      throw error;
    }
  }
}

/** `forbidden: access violation (it leads out of the root)`: the detail is for the operator, and may hold a path. */
export function describeError(error: unknown, describe: Describe = describeRefusal): string {
  return error instanceof Refusal ? describe(error) : errorText(error);
}

function describeRefusal({ reason, message, detail }: Refusal): string {
  return `${reason}: ${message}${detail === undefined ? '' : ` (${detail})`}`;
}

const titles: Readonly<Record<FactName, string>> = { mac: '', uuid: 'UUID ', serial: 'serial number ' };

/** `52:54:00:12:34:56 (leases), serial number d1f0c2aa (filename)`; facts of one source together. `undefined` if nothing is known. */
export function describeFacts(client: Client, age: (ms: number) => string = () => ''): string | undefined {
  const bySource = new Map<string, string[]>();
  for (const fact of factNames) {
    if (client[fact] === undefined) continue;
    const ageMs = client[`${fact}AgeMs`];
    const source = `${sourceOf(client, fact) ?? 'source unknown'}${ageMs === undefined ? '' : age(ageMs)}`;
    bySource.set(source, [...(bySource.get(source) ?? []), `${titles[fact]}${client[fact]}`]);
  }
  if (bySource.size === 0) return undefined;
  return [...bySource].map(([source, known]) => `${known.join(', ')} (${source})`).join(', ');
}
