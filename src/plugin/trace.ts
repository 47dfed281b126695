/**
 * The trace: what each plugin was asked and answered, for `pxe explain` and for debugging. Plain data that can be written as
 * JSON.
 */

import { errorText } from '../base/error-text.ts';
import { Refusal } from '../base/refusal.ts';
import { factNames, sourceOf } from './facts.ts';
import type { Client, FactName, Folder, Hooks } from './types.ts';

/** Describes a refusal in a trace and in the log: a service adds its own code. */
export type Describe = (refusal: Refusal) => string;

/** A name that was looked up under the root. */
export interface Lookup {
  readonly name: string;
  readonly found: boolean;
  /** Why it was refused, if so. */
  readonly error?: string;
}

/** One call of one hook of one plugin, or the lookup in the root directory, which comes last. */
export interface TraceEntry {
  /** `undefined`: the root directory. */
  readonly plugin: string | undefined;
  readonly hook: keyof Hooks;
  /** The subject of the question: an address (`identify`, `host`) or a name. */
  readonly before: string;
  /** The answer in short form; `undefined` without an answer. */
  after?: string;
  /** The plugin's note about its answer. */
  note?: string;
  /** The failure; replaces `after`. */
  error?: string;
  ms: number;
  readonly lookups: Lookup[];
}

/** In the order of the calls. It is filled while a request is routed, so it is complete up to a failure. */
export type Trace = TraceEntry[];

/** A folder that records the names looked up in it. */
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

  /** Not recorded: `pxe check` lists folders, but not for a machine. */
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
