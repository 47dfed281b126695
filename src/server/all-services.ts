/**
 * All services of a server as one.
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import type { ExchangeInfo } from '../plugin/types.ts';
import type { Generation } from '../service/generation.ts';
import type { LiveExchange, LocalAddress, Prepared, Service } from '../service/service.ts';

export class AllServices implements Service {
  readonly name = 'all';
  readonly #services: readonly Service[];

  constructor(services: readonly Service[]) {
    this.#services = services;
  }

  get addresses(): readonly LocalAddress[] {
    return this.#services.flatMap(({ addresses }) => addresses);
  }

  get underWay(): readonly ExchangeInfo[] {
    return this.#services.flatMap(({ underWay }) => [...underWay]);
  }

  async exchanges(): Promise<readonly LiveExchange[]> {
    return (await Promise.all(this.#services.map((service) => service.exchanges()))).flat();
  }

  files(config: ResolvedConfig): readonly string[] {
    return this.#services.flatMap((service) => service.files?.(config) ?? []);
  }

  /** If one cannot be prepared, those prepared before it are abandoned. */
  async prepare(generation: Generation): Promise<Prepared> {
    const prepared: Prepared[] = [];
    const abandon = async () => void (await Promise.all(prepared.map((one) => one.abandon())));
    try {
      for (const service of this.#services) prepared.push(await service.prepare(generation));
    } catch (error) {
      await abandon();
      throw error;
    }
    return { commit: () => prepared.flatMap((one) => one.commit()), abandon };
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all(this.#services.map((service) => service.stop(graceMs)));
  }
}
