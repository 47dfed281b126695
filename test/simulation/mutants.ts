/**
 * Faults that a server like this may have, each put into the real parts from outside. The simulation must find every one:
 * that is what shows that it looks.
 */

import type { Awaitable } from '../../src/base/awaitable.ts';
import { sleep } from '../../src/base/clock.ts';
import { SEGMENT_BYTES } from '../../src/base/segment.ts';
import { type Fill, SegmentCache } from '../../src/content/cache.ts';
import { VersionedFile } from '../../src/content/versioned-file.ts';
import { Wires } from '../../src/dhcp/wires.ts';
import { Pipeline } from '../../src/plugin/pipeline.ts';
import type { Boot } from '../../src/plugin/route.ts';
import { Exchange } from '../../src/service/exchange.ts';
import { Generation, type Lease } from '../../src/service/generation.ts';
import type { Mutant } from './scenario.ts';

export interface NamedMutant {
  readonly name: string;
  /** What the simulation says of it, among other things perhaps. */
  readonly shows: RegExp;
  readonly mutant?: Mutant;
  /** Changes a part for all who use it; the returned function takes that back. */
  readonly patch?: () => () => void;
}

export const MUTANTS: readonly NamedMutant[] = [
  {
    name: 'dispose at swap',
    shows: /is disposed of (before|while)/,
    patch: () =>
      replaced(Generation.prototype, 'retire', (retire) => {
        return function (this: Generation) {
          void this.pipeline.dispose();
          retire.call(this);
        };
      }),
  },
  {
    name: 'shared buffer',
    shows: /block \d+ is of|the client got/,
    mutant: {
      cache: (maxBytes) => {
        const buffer = new Uint8Array(SEGMENT_BYTES);
        return new SegmentCache({ maxBytes, allocate: (length) => buffer.subarray(0, length) });
      },
    },
  },
  {
    name: 'lease taken after an await',
    shows: /it was asked for under|belongs to plan/,
    patch: () =>
      replaced(Exchange.prototype, 'answer', (answer) => {
        return function (this: Exchange, ...args) {
          // As if the client were identified before the generation is fixed.
          void sleep(this.clock, 3).then(() => {
            if (this.ended) return;
            const { lease } = this;
            Object.assign(this, { lease: this.host.lease() });
            lease.release();
            answer.apply(this, args);
          });
        };
      }),
  },
  {
    name: 'an exchange that ends twice',
    shows: /ended twice/,
    patch: () => {
      const ended = Object.getOwnPropertyDescriptor(Exchange.prototype, 'ended')!;
      Object.defineProperty(Exchange.prototype, 'ended', { ...ended, get: () => false });
      const back = replaced(Exchange.prototype, 'end', (end) => {
        return function (this: Exchange, ...args) {
          const first = end.apply(this, args);
          void end.apply(this, args);
          return first;
        };
      });
      return () => {
        back();
        Object.defineProperty(Exchange.prototype, 'ended', ended);
      };
    },
  },
  {
    name: 'DHCP sockets that stay open',
    shows: /the DHCP socket .* \d+/,
    patch: () => replaced(Wires.prototype, 'close', () => () => {}),
  },
  {
    name: 'an offer of an earlier config',
    shows: /a machine is offered plan-\d+\.efi, it asked under/,
    patch: () => {
      let first: Boot | undefined;
      return replaced(Pipeline.prototype, 'boot', (boot) => {
        return async function (this: Pipeline, ...args: Parameters<typeof boot>) {
          const route = await boot.apply(this, args);
          if (route.boot === undefined) return route;
          // As if what was decided once were remembered across reloads.
          first ??= route.boot;
          return { ...route, boot: first };
        } as typeof boot;
      });
    },
  },
  {
    name: 'a missed dispose',
    shows: /was disposed of 0 times/,
    patch: () => {
      const retired = new WeakSet<Generation>();
      const undo = [
        replaced(Generation.prototype, 'retire', (retire) => {
          return function (this: Generation) {
            retired.add(this);
            retire.call(this);
          };
        }),
        // Whoever gives the last lease back does not look whether that was the last.
        replaced(Generation.prototype, 'lease', (lease) => {
          return function (this: Generation) {
            const { release } = lease.call(this) as Lease;
            return {
              generation: this,
              release: () => {
                if (!retired.has(this) || this.leases > 1) release();
              },
            };
          };
        }),
      ];
      return () => {
        for (const back of undo) back();
      };
    },
  },
  {
    name: 'a stale cache',
    shows: /which .* was not when it asked/,
    mutant: { cache: (maxBytes) => new StaleCache({ maxBytes }) },
  },
  {
    name: 'an in-place read unchecked',
    shows: /and from byte|block \d+ is of/,
    patch: () => replaced(VersionedFile.prototype, 'verify', () => async () => {}),
  },
];

/** Takes device, inode and size for a version. */
class StaleCache extends SegmentCache {
  override get(key: string, index: number): Uint8Array | undefined {
    return super.get(withoutTimes(key), index);
  }

  override load(key: string, index: number, length: number, fill: Fill): Awaitable<Uint8Array> {
    return super.load(withoutTimes(key), index, length, fill);
  }
}

function withoutTimes(key: string): string {
  return key.split(':').slice(0, 3).join(':');
}

type Method = (...args: never[]) => unknown;

function replaced<K extends string, F extends Method>(on: Record<K, F>, method: K, make: (real: F) => F): () => void {
  const real = on[method];
  on[method] = make(real);
  return () => {
    on[method] = real;
  };
}
