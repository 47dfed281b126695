/**
 * What a simulation knows of transfers, generations, contents and sinks, seen from outside the server; and what must hold of them
 * at every moment.
 */

import type { SegmentCache } from '../../src/content/cache.ts';
import type { Content, Sink } from '../../src/content/content.ts';
import type { Call, ExchangeInfo, ExchangeSummary } from '../../src/plugin/types.ts';
import type { Exchange } from '../../src/service/exchange.ts';
import type { DropReason } from '../../src/stats/counters.ts';
import type { Plan } from './plan.ts';
import type { SimulatedLog, World } from './world.ts';

/** A request that the server has taken. */
export interface TransferRecord {
  readonly id: number;
  /** `10.0.2.1:50000` */
  readonly client: string;
  readonly address: string;
  readonly asked: string;
  /** In force when the request came: the whole transfer belongs to it. */
  readonly plan: Plan;
  readonly requestAt: number;
  /** When it was answered. */
  startAt?: number;
  endAt?: number;
  /** How often the plugin that watches was told of the end. */
  observed: number;
  summary?: ExchangeSummary;
}

export class Ledger {
  readonly transfers = new Map<number, TransferRecord>();
  /** Transfers that have not ended. */
  readonly live = new Set<TransferRecord>();
  readonly instances = new Set<Instance>();
  readonly contents = new Set<TrackedContent>();
  readonly sinks = new Set<TrackedSink>();
  /** In force. */
  plan: Plan | undefined;
  /** The server's numbers of plans that came into force. */
  readonly numbers = new Map<Plan, number>();
  /** Work other than transfers that holds a generation. */
  readonly explaining = new Map<Plan, number>();
  /** Clients of whom a request was dropped because there were too many. */
  readonly crowdedOut = new Set<string>();
  /** Datagrams that were dropped, by reason. */
  readonly drops = new Map<DropReason, number>();
  stopping = false;
  /** Reloads that the server has reported as failed. */
  reloadsFailed = 0;
  cache: SegmentCache | undefined;
  cacheBytes = 0;
  readonly #disposing: Plan[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  dropped(reason: DropReason, client: string): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    if (reason.startsWith('too-many')) this.crowdedOut.add(client);
  }

  requested({ id, request }: Pick<Exchange, 'id' | 'request'>): void {
    const world = this.#world;
    const { address, port } = request.client;
    world.note(`request ${id} ${address}:${port} ${request.asked}`);
    if (!this.plan) return world.violated('a request before there was a generation');
    if (this.transfers.has(id)) return world.violated(`request ${id} came twice`);
    const record: TransferRecord = {
      id,
      client: `${address}:${port}`,
      address,
      asked: request.asked,
      plan: this.plan,
      requestAt: world.now,
      observed: 0,
    };
    this.transfers.set(id, record);
    this.live.add(record);
  }

  started(info: ExchangeInfo): void {
    const record = this.#recordOf(info, 'start');
    if (record) record.startAt = this.#world.now;
  }

  ended(summary: ExchangeSummary): void {
    const world = this.#world;
    world.count(`outcome: ${summary.outcome}`);
    if (summary.outcome === 'failed') world.count(`failed: ${summary.error?.message}`);
    world.note(`end ${summary.id} ${summary.outcome} ${summary.bytes} ${summary.error?.message ?? ''}`);
    const record = this.#recordOf(summary, 'end');
    if (!record) return;
    if (record.endAt !== undefined) world.violated(`transfer ${summary.id} ended twice`);
    record.endAt = world.now;
    record.summary = summary;
    this.live.delete(record);
  }

  /** The `end` hook of a plugin is called. */
  observedEnd(id: number): void {
    const record = this.transfers.get(id);
    if (record && ++record.observed > 1)
      this.#world.violated(`the observer of exchange ${id} is told ${record.observed} times of its end`);
  }

  /** Another plan is in force. */
  swapped(plan: Plan, generation: number): void {
    this.plan = plan;
    this.numbers.set(plan, generation);
    this.#world.note(`plan ${plan.number} in force as generation ${generation}`);
  }

  /** What the engine has now must lie within the limits in force at a request. */
  checkLimits(ids: readonly number[], requested: TransferRecord): void {
    const { transfers, transfersPerClient } = requested.plan.limits;
    const own = ids.filter((id) => this.transfers.get(id)?.address === requested.address).length;
    const world = this.#world;
    world.check(ids.length <= transfers, () => `${ids.length} transfers where ${transfers} are the limit`);
    world.check(own <= transfersPerClient, () => `${own} transfers of ${requested.address}, limit ${transfersPerClient}`);
  }

  /** Looks at what must hold whenever nothing happens. */
  look(): void {
    const bytes = this.cache?.bytes ?? 0;
    this.#world.check(bytes <= this.cacheBytes && bytes >= 0, () => `${bytes} bytes in the cache, ${this.cacheBytes} allowed`);
    // An explanation that has just ended may not have come back to us by the time its generation goes.
    for (const plan of this.#disposing.splice(0))
      if ((this.explaining.get(plan) ?? 0) > 0) this.#world.violated(`plan ${plan.number} is disposed of while it explains`);
  }

  /** What is there at the end and should not be. */
  leftovers(): string[] {
    const left: string[] = [];
    for (const { id, asked } of this.live) left.push(`transfer ${id} (${asked}) has not ended`);
    for (const { id, asked, observed } of this.transfers.values())
      if (observed !== 1) left.push(`exchange ${id} (${asked}), whose observer was told ${observed} times of its end`);
    for (const instance of this.instances) left.push(...instance.leftovers());
    for (const content of this.contents) left.push(...content.leftovers());
    for (const sink of this.sinks) left.push(...sink.leftovers());
    return left;
  }

  /** A generation is let go of: nobody may need it any more. */
  checkDisposal(plan: Plan): void {
    const world = this.#world;
    if (plan === this.plan && !this.stopping) world.violated(`plan ${plan.number} is disposed of while it is in force`);
    const users = [...this.live].filter((record) => record.plan === plan);
    if (users.length > 0)
      world.violated(`plan ${plan.number} is disposed of before transfers ${users.map(({ id }) => id).join(', ')}`);
    this.#disposing.push(plan);
  }

  #recordOf(info: ExchangeInfo, event: string): TransferRecord | undefined {
    const record = this.transfers.get(info.id);
    if (!record) {
      this.#world.violated(`${event} of transfer ${info.id}, which was never asked for`);
      return undefined;
    }
    const number = this.numbers.get(record.plan);
    if (info.generation !== number)
      this.#world.violated(
        `${event} of transfer ${info.id} under generation ${info.generation}, it was asked for under ${number}`,
      );
    return record;
  }
}

/** A plugin that has been set up, in one generation. */
export class Instance {
  readonly world: World;
  readonly plan: Plan;
  readonly name: string;
  disposed = 0;
  /** Hooks at work that have not been given up. */
  #working = 0;

  constructor(world: World, plan: Plan, name: string) {
    this.world = world;
    this.plan = plan;
    this.name = name;
    world.ledger.instances.add(this);
    world.note(`setup ${this}`);
  }

  /** A hook is called; the transfer it is for, if it is for one. */
  called(
    hook: string,
    call: Call | undefined,
    id = (call?.log as SimulatedLog | undefined)?.bindings.transfer,
  ): TransferRecord | undefined {
    if (this.disposed > 0) this.world.violated(`${hook} of ${this} was called after its end`);
    if (typeof id !== 'number') return undefined;
    const record = this.world.ledger.transfers.get(id);
    if (!record) this.world.violated(`${hook} of ${this} for an unknown transfer`);
    else if (record.plan !== this.plan)
      this.world.violated(`${hook} of ${this} for transfer ${id}, which belongs to plan ${record.plan.number}`);
    return record;
  }

  /** A hook that takes its time. */
  async during<T>(call: Call, work: Promise<T>): Promise<T> {
    this.#working++;
    let counted = true;
    const end = () => {
      if (counted) this.#working--;
      counted = false;
    };
    call.signal.addEventListener('abort', end);
    try {
      return await work;
    } finally {
      end();
    }
  }

  dispose(): void {
    this.disposed++;
    this.world.note(`dispose ${this}`);
    if (this.disposed > 1) this.world.violated(`${this} is disposed of ${this.disposed} times`);
    this.world.ledger.checkDisposal(this.plan);
    if (this.#working > 0) this.world.violated(`${this} is disposed of while ${this.#working} of its hooks are at work`);
    for (const content of this.world.ledger.contents)
      if (content.owner === this && content.wanted && !content.ended)
        this.world.violated(`${this} is disposed of before its content`);
    for (const sink of this.world.ledger.sinks)
      if (sink.owner === this && sink.wanted && !sink.ended) this.world.violated(`${this} is disposed of before its sink`);
  }

  leftovers(): string[] {
    return this.disposed === 1 ? [] : [`${this} was disposed of ${this.disposed} times`];
  }

  toString(): string {
    return `${this.name} of plan ${this.plan.number}`;
  }
}

/** What a plugin's content does. */
export interface ContentBehaviour {
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
  close?(): void | Promise<void>;
}

/** Content that notices how it is treated. */
export class TrackedContent implements Content {
  readonly owner: Instance;
  readonly size: number | undefined;
  /** In time for whoever asked; one that comes too late may be closed whenever. */
  wanted = true;
  #closed = 0;
  readonly #behaviour: ContentBehaviour;

  constructor(owner: Instance, size: number | undefined, behaviour: ContentBehaviour) {
    this.owner = owner;
    this.size = size;
    this.#behaviour = behaviour;
    owner.world.ledger.contents.add(this);
  }

  get ended(): boolean {
    return this.#closed > 0;
  }

  read(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    if (this.#closed > 0) this.owner.world.violated(`content of ${this.owner} is read after it was closed`);
    if (this.owner.disposed > 0) this.owner.world.violated(`content of ${this.owner} is read after the plugin's end`);
    return this.#behaviour.read(offset, length);
  }

  close(): void | Promise<void> {
    if (++this.#closed > 1) this.owner.world.violated(`content of ${this.owner} is closed twice`);
    return this.#behaviour.close?.();
  }

  leftovers(): string[] {
    return this.#closed === 1 ? [] : [`content of ${this.owner} was closed ${this.#closed} times`];
  }
}

export interface SinkBehaviour {
  write(bytes: Uint8Array): void | Promise<void>;
  commit(): void | Promise<void>;
  abort?(): void | Promise<void>;
}

export class TrackedSink implements Sink {
  readonly owner: Instance;
  wanted = true;
  #ends = 0;
  readonly #behaviour: SinkBehaviour;

  constructor(owner: Instance, behaviour: SinkBehaviour) {
    this.owner = owner;
    this.#behaviour = behaviour;
    owner.world.ledger.sinks.add(this);
  }

  get ended(): boolean {
    return this.#ends > 0;
  }

  write(bytes: Uint8Array): void | Promise<void> {
    if (this.#ends > 0) this.owner.world.violated(`sink of ${this.owner} is written to after its end`);
    if (this.owner.disposed > 0) this.owner.world.violated(`sink of ${this.owner} is written to after the plugin's end`);
    return this.#behaviour.write(bytes);
  }

  commit(): void | Promise<void> {
    this.#end('committed');
    return this.#behaviour.commit();
  }

  abort(): void | Promise<void> {
    this.#end('aborted');
    return this.#behaviour.abort?.();
  }

  leftovers(): string[] {
    return this.#ends === 1 ? [] : [`sink of ${this.owner} was ended ${this.#ends} times`];
  }

  #end(how: string): void {
    if (++this.#ends > 1) this.owner.world.violated(`sink of ${this.owner} is ${how} when it had ended`);
    if (this.wanted && this.owner.disposed > 0)
      this.owner.world.violated(`sink of ${this.owner} is ${how} after the plugin's end`);
  }
}
