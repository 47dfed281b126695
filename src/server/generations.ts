/**
 * The generation in force, earlier ones that are not disposed of yet, and the files that their plugins and services want watched.
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import { Generation, type Lease, type Runtime } from '../service/generation.ts';
import type { Stats } from '../stats/stats.ts';

/** A generation that is set up but not in force yet. */
export interface Started {
  readonly generation: Generation;
  /** Files that its plugins and services want watched. */
  readonly watched: readonly string[];
}

export class Generations {
  readonly #runtime: Runtime;
  readonly #stats: Stats;
  readonly #undisposed = new Set<Generation>();
  #current: Generation | undefined;
  #watched: readonly string[] = [];

  constructor(runtime: Runtime, stats: Stats) {
    this.#runtime = runtime;
    this.#stats = stats;
  }

  /** In force; `undefined` before a start and after a stop. */
  get current(): Generation | undefined {
    return this.#current;
  }

  /** Files of the generation in force, and of those that have failed since. */
  get watched(): readonly string[] {
    return this.#watched;
  }

  /** A lease of the generation in force. Throws if there is none. */
  lease(): Lease {
    if (!this.#current) throw new Error('the server has not started');
    return this.#current.lease();
  }

  /**
   * Sets up the next generation. If a plugin's `setup` fails, it rejects with a `PluginError` and leaves nothing behind.
   * @param files others to watch than what its plugins name
   */
  async start(config: ResolvedConfig, files: readonly string[]): Promise<Started> {
    const watched = [...files];
    try {
      // Reloads are sequential, so only a config that comes into force uses up a number.
      const number = (this.#current?.number ?? 0) + 1;
      const generation = await Generation.start(number, config, this.#runtime, (path) => void watched.push(path));
      this.#undisposed.add(generation);
      this.#count();
      void generation.disposed.then(() => {
        this.#undisposed.delete(generation);
        this.#count();
      });
      return { generation, watched };
    } catch (error) {
      this.#watchAlso(watched);
      throw error;
    }
  }

  /** Abandons a generation that cannot be put in force; resolves when it is disposed of. */
  async abandon({ generation, watched }: Started): Promise<void> {
    this.#watchAlso(watched);
    generation.retire();
    await generation.disposed;
  }

  /** Puts a generation in force. The caller must retire the previous one. */
  swap({ generation, watched }: Started): void {
    this.#current = generation;
    this.#watched = watched;
  }

  /** Retires the generation in force; resolves when all generations are disposed of. */
  async end(): Promise<void> {
    this.#current?.retire();
    this.#current = undefined;
    await Promise.all(Array.from(this.#undisposed, ({ disposed }) => disposed));
  }

  #count(): void {
    this.#stats.set('live.generations', this.#undisposed.size);
  }

  /** A change of any of these may correct the config. */
  #watchAlso(files: readonly string[]): void {
    this.#watched = [...new Set([...this.#watched, ...files])];
  }
}
