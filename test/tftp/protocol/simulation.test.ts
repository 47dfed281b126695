/**
 * Engine and clients on a bad network: 1,000 seeds, each with a link of its own and six transfers at once.
 *
 * `SEED=n` runs one seed; `SEEDS=n` runs so many. The rules about sending twice are checked on the wire, by a witness that
 * sees datagrams only.
 */
import { describe, expect, test } from 'vitest';
import type { AskedOptions } from '../../../src/tftp/client/options.ts';
import { DownloadingHost, EngineHost, UploadingHost } from '../../kit/hosts.ts';
import { type Link, Network } from '../../kit/network.ts';
import { type Random, seeded } from '../../kit/random.ts';
import { Witness } from './witness.ts';

const WINDOWS = [1, 4, 16] as const;
const DIRECTIONS = ['read', 'write'] as const;
const SEGMENT = 65536;
/** Every so many seeds, one transfer has more blocks than there are numbers. */
const LONG_EVERY = 150;
/** One transfer has no more blocks than this, else. */
const MOST_BLOCKS = 400;

interface Plan {
  readonly direction: (typeof DIRECTIONS)[number];
  readonly windowSize: (typeof WINDOWS)[number];
  readonly options: AskedOptions;
  readonly blockSize: number;
  readonly bytes: Uint8Array;
  readonly contentMs: number;
}

interface Figures {
  readonly hash: number;
  readonly datagrams: number;
  readonly blocks: number;
  readonly resent: number;
  readonly problems: readonly string[];
}

const only = process.env.SEED === undefined ? undefined : Number(process.env.SEED);
const seeds = only === undefined ? Array.from({ length: Number(process.env.SEEDS ?? 1000) }, (_, i) => i + 1) : [only];

describe('a simulated network', () => {
  test(`${seeds.length} seeds of loss, duplication, reordering and delay`, { timeout: 300_000 }, () => {
    const began = performance.now();
    const failed: string[] = [];
    let datagrams = 0;
    let blocks = 0;
    let resent = 0;
    for (const seed of seeds) {
      const figures = simulate(seed);
      datagrams += figures.datagrams;
      blocks += figures.blocks;
      resent += figures.resent;
      if (figures.problems.length > 0) failed.push(`SEED=${seed}: ${figures.problems.join('; ')}`);
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${seeds.length} seeds in ${seconds} s: ${datagrams} datagrams, ${blocks} blocks, ${resent} of them sent again`);
    expect(failed).toEqual([]);
  });

  test('a seed repeats itself to the datagram', () => {
    for (const seed of [3, 14, 159]) expect(simulate(seed).hash).toBe(simulate(seed).hash);
    expect(simulate(3).hash).not.toBe(simulate(14).hash);
  });
});

/** Six transfers at once, to their ends; what went wrong, in words. */
function simulate(seed: number): Figures {
  const random = seeded(seed);
  const link = anyLink(random);
  const long = seed % LONG_EVERY === 0 ? random.int(0, 5) : -1;
  const plans = WINDOWS.flatMap((windowSize, w) =>
    DIRECTIONS.map((direction, d) => anyPlan(random, direction, windowSize, 2 * w + d === long)),
  );
  const network = new Network({ seed, link });
  const witness = new Witness(network);
  const server = new EngineHost(network, { contentMs: random.pick([0, 0, 2, 30]), singlePort: random.chance(0.25) });
  const clients = plans.map((plan, i) => {
    const common = { address: `10.0.1.${i + 1}`, name: `file${i}`, options: plan.options, contentMs: plan.contentMs };
    if (plan.direction === 'write') return new UploadingHost(network, { ...common, bytes: plan.bytes });
    server.files.set(common.name, plan.bytes);
    return new DownloadingHost(network, common);
  });
  const problems: string[] = [];
  let blocks = 0;
  try {
    for (const client of clients) network.after(random() * 50, () => client.start());
    network.run();
  } catch (error) {
    problems.push(String(error));
  }
  for (const [i, plan] of plans.entries()) {
    const client = clients[i]!;
    const count = Math.floor(plan.bytes.length / plan.blockSize) + 1;
    blocks += count;
    const what = `${plan.direction} ${plan.bytes.length} B, ${JSON.stringify(plan.options)}`;
    if (client.ending !== 'completed') problems.push(`${what}: ${client.ending?.message ?? 'never ended'}`);
    const name = `file${i}`;
    const copies = client instanceof DownloadingHost ? [client.received] : (server.stored.get(name) ?? []);
    if (copies.length !== 1 || !equal(copies[0]!, plan.bytes)) problems.push(`${what}: the bytes differ`);
    const endings = server.endings.filter(({ id }) => server.requests.find((request) => request.id === id)?.packet.name === name);
    // Whoever never answers is sent its first block twice at the most: if both ACKs of an only block are lost, nobody knows.
    const unknown = plan.direction === 'read' && count === 1;
    const completed = endings.filter(({ outcome }) => outcome === 'completed').length;
    if (completed !== 1 && !(unknown && completed === 0))
      problems.push(`${what}: ${JSON.stringify(endings.map(({ outcome, error }) => [outcome, error]))}`);
    // Every block once; besides, a loss or a reordered block costs a window at most, and so does a time-out.
    const trouble = link.loss * 3 + link.duplication + link.reordering;
    const allowed = count * (1.5 + 3 * plan.windowSize * trouble) + 12 * plan.windowSize;
    const sent = witness.dataSent(client.endpoint.key);
    if (sent > allowed) problems.push(`${what}: ${sent} DATA for ${count} blocks`);
  }
  problems.push(...witness.violations, ...network.leftovers());
  const resent = witness.resent;
  return { hash: network.traceHash, datagrams: network.sent, blocks, resent, problems };
}

function anyLink(random: Random): Link {
  const bad = (probability: number, most: number) => (random.chance(probability) ? random() * most : 0);
  const delayMs = random.pick([0.2, 1, 5, 25]);
  return {
    loss: bad(0.8, 0.08),
    duplication: bad(0.5, 0.05),
    reordering: bad(0.5, 0.1),
    reorderMs: random.pick([1, delayMs, 4 * delayMs]),
    delayMs,
  };
}

function anyPlan(random: Random, direction: Plan['direction'], windowSize: Plan['windowSize'], long: boolean): Plan {
  const plain = windowSize === 1 && random.chance(0.3);
  const asked = long ? 8 : plain ? undefined : random.pick([undefined, 8, 512, 1428, 1468, 4096, 65464]);
  const blockSize = asked ?? 512;
  const size = long ? random.int(65_537, 66_000) * 8 + random.int(0, 7) : anySize(random, blockSize, windowSize);
  const options: AskedOptions = plain
    ? {}
    : {
        blockSize: asked,
        windowSize: windowSize === 1 && random.chance(0.5) ? undefined : windowSize,
        transferSize: random.chance(0.5) ? (direction === 'read' ? 0 : size) : undefined,
        timeoutSeconds: random.chance(0.2) ? random.int(1, 3) : undefined,
        rollover: long || random.chance(0.2) ? random.pick([0, 1] as const) : undefined,
      };
  return { direction, windowSize, options, blockSize, bytes: random.bytes(size), contentMs: random.pick([0, 0, 1, 20]) };
}

/** Around the borders of blocks, windows and segments. */
function anySize(random: Random, blockSize: number, windowSize: number): number {
  const blocks = random.int(1, 60);
  const size = random.pick([
    0,
    1,
    blockSize - 1,
    blockSize,
    blockSize + 1,
    blocks * blockSize,
    blocks * blockSize - 1,
    windowSize * blockSize - 1,
    windowSize * blockSize,
    windowSize * blockSize + 1,
    SEGMENT - 1,
    SEGMENT,
    SEGMENT + 1,
    2 * SEGMENT,
    random.int(100_000, 400_000),
  ]);
  return Math.min(size, MOST_BLOCKS * blockSize + random.int(-1, 1));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
