/** What is counted, scenario by scenario, on the transport of the project: all of it, and nothing else. */
import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { SEGMENT_BYTES } from '../../src/base/segment.ts';
import { LogDestination } from '../../src/cli/log-destination.ts';
import { CacheBudget } from '../../src/content/budget.ts';
import { Disks } from '../../src/content/disks.ts';
import { Holders } from '../../src/content/holders.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { definePlugin, TftpError } from '../../src/index.ts';
import { nativeUnavailableReason } from '../../src/net/native/libc.ts';
import { COUNTER_NAMES, type CounterName } from '../../src/stats/counters.ts';
import { Stats } from '../../src/stats/stats.ts';
import { SegmentSource } from '../../src/tftp/transport/native/segment-source.ts';
import { Bench, bytesOf, peerNamed } from '../kit/bench.ts';
import { type Lab, lab, until } from '../kit/lab.ts';
import { type Address, ack, data, error, get, Peer, put, rrq, wrq } from '../kit/tftp.ts';
import { describeWith } from '../kit/tools.ts';
import { transport } from '../kit/transport.ts';

type Counts = Readonly<Partial<Record<CounterName, number>>>;

interface Scenario {
  readonly name: string;
  readonly happens: () => Promise<Counts>;
  readonly counts: Counts;
}

/** How often packets are sent again is up to the machine. */
const BY_CHANCE = new Set<string>(['requests.repeated', 'packets.resent']);
const SMALL = Buffer.alloc(100, 1);
/** Three segments. */
const LARGE = Buffer.alloc(2 * SEGMENT_BYTES + 1, 2);
const WAYS = { blksize: 1468, windowsize: 8 };

/** What a server has counted when everything has ended. */
async function countsOf({ server }: Pick<Lab, 'server'>): Promise<Counts> {
  await until(() => server.stats().gauges['live.requests'] === 0, 'the last end');
  return nonZero(server.stats().counters);
}

function nonZero(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([name, count]) => count > 0 && !BY_CHANCE.has(name)));
}

function tally(names: readonly string[]): Counts {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** The server has answered; nothing is acknowledged yet. */
async function begun(to: Address, request: Buffer): Promise<{ readonly peer: Peer; readonly from: Address }> {
  const peer = await Peer.open();
  onTestFinished(() => peer[Symbol.asyncDispose]());
  peer.send(to, request);
  const { from } = await peer.next();
  return { peer, from };
}

const scenarios: readonly Scenario[] = [
  {
    name: 'a small file, twice: the second time from memory',
    async happens() {
      const one = await lab();
      one.put('ROOT/small', SMALL);
      for (let i = 0; i < 2; i++) await get(one.address, 'small');
      return countsOf(one);
    },
    counts: {
      ...{ 'requests.read': 2, 'outcomes.completed': 2, 'bytes.sent': 200 },
      ...{ 'cache.hits': 1, 'cache.misses': 1, 'reads.main-thread': 1 },
    },
  },
  {
    name: 'a file of three segments, twice',
    async happens() {
      const one = await lab();
      one.put('ROOT/large', LARGE);
      for (let i = 0; i < 2; i++) await get(one.address, 'large', { options: WAYS });
      const counts = await countsOf(one);
      // Whether the system still has it in memory is the system's business.
      const { 'reads.content-thread': waited = 0, 'reads.page-cache': there = 0, ...others } = counts;
      return waited + there > 0 ? { ...others, 'reads.page-cache': waited + there } : others;
    },
    counts: {
      ...{ 'requests.read': 2, 'outcomes.completed': 2, 'bytes.sent': 2 * LARGE.length, 'cache.hits': 3, 'cache.misses': 3 },
      [transport === 'native' ? 'reads.page-cache' : 'reads.main-thread']: 3,
    },
  },
  {
    name: 'a segment that must be waited for, by two transfers at once',
    async happens() {
      const stats = new Stats();
      const { promise, resolve } = Promise.withResolvers<number>();
      const source = new SegmentSource({
        ...{ pageCache: { read: () => false }, budget: new CacheBudget(0), counters: stats },
        ...{ holders: new Holders(), supply() {}, refuse() {}, fetch() {}, grown() {} },
        tell: (message) => message.kind === 'read' && resolve(message.slot),
      });
      for (const id of [1, 2]) source.open(id, { fd: 1, version: '1:v', size: 10 });
      for (const id of [1, 2]) source.need(id, 0);
      source.handle({ kind: 'filled', slot: await promise });
      return nonZero(stats.snapshot().counters);
    },
    counts: { 'cache.misses': 2, 'reads.content-thread': 1 },
  },
  {
    name: 'names that are absent',
    async happens() {
      const one = await lab();
      for (const name of ['a', 'b']) await get(one.address, name);
      return countsOf(one);
    },
    counts: { 'requests.read': 2, 'outcomes.refused': 2 },
  },
  {
    name: 'a client that wants the size, and one that gives up',
    async happens() {
      const one = await lab({ cacheBytes: 0 });
      one.put('ROOT/small', Buffer.alloc(1000));
      const sized = await begun(one.address, rrq('small', 'octet', { tsize: 0 }));
      sized.peer.send(sized.from, error(8, 'that was all'));
      const gone = await begun(one.address, rrq('small'));
      gone.peer.send(gone.from, error(0, 'enough'));
      await until(() => one.ended.length === 2, 'both ends');
      return countsOf(one);
    },
    counts: {
      ...{ 'requests.read': 2, 'outcomes.probed': 1, 'outcomes.aborted': 1 },
      ...{ 'cache.misses': 2, 'reads.main-thread': 2 },
    },
  },
  {
    name: 'a client that the server leaves behind',
    async happens() {
      const one = await lab();
      one.put('ROOT/small', SMALL);
      await begun(one.address, rrq('small'));
      await one.server.stop(0);
      return countsOf(one);
    },
    counts: { 'requests.read': 1, 'outcomes.failed': 1, 'cache.misses': 1, 'reads.main-thread': 1 },
  },
  {
    name: 'an upload that is stored, and one that is given up',
    async happens() {
      const one = await lab({ uploads: { dir: 'UP' } });
      one.put('UP/kept', '');
      await put(one.address, 'new', Buffer.from('hello'));
      const { peer, from } = await begun(one.address, wrq('half', 'octet', { blksize: 8192 }));
      for (let block = 1; block <= 9; block++) {
        peer.send(from, data(block, Buffer.alloc(8192)));
        await peer.next();
      }
      const half = () => one.tree('UP').filter((name) => statSync(join(one.path, 'UP', name)).size === SEGMENT_BYTES);
      await until(() => half().length === 1, 'the first segment on disk');
      peer.send(from, error(0, 'enough'));
      await until(() => one.ended.length === 2, 'both ends');
      return countsOf(one);
    },
    counts: {
      ...{ 'requests.write': 2, 'outcomes.completed': 1, 'outcomes.aborted': 1, 'bytes.received': 5 + 9 * 8192 },
      ...{ 'uploads.stored': 1, 'upload-bytes.stored': 5, 'uploads.aborted': 1, 'upload-bytes.aborted': SEGMENT_BYTES },
    },
  },
  {
    name: 'strays',
    async happens() {
      const one = await lab();
      one.put('ROOT/small', SMALL);
      const { from, peer } = await begun(one.address, rrq('small'));
      await using stranger = await Peer.open();
      stranger.send(one.address, Buffer.from('no TFTP'));
      stranger.send(from, rrq('small'));
      for (const packet of [ack(1), error(0, 'enough')]) stranger.send(from, packet);
      const drops = () => Object.entries(one.server.stats().counters).filter(([name]) => name.startsWith('drops.'));
      await until(() => drops().reduce((sum, [, count]) => sum + count, 0) === 4, 'every one counted');
      peer.send(from, ack(1));
      return countsOf(one);
    },
    counts: {
      ...{ 'drops.malformed': 1, 'drops.not-listening': 1, 'drops.unknown-transfer': 2 },
      ...{ 'requests.read': 1, 'outcomes.completed': 1, 'bytes.sent': 100, 'cache.misses': 1, 'reads.main-thread': 1 },
    },
  },
  {
    name: 'a request that comes four times',
    async happens() {
      const bench = new Bench({ files: { f: SMALL } });
      for (let i = 0; i < 4; i++) bench.receive(bench.listener, peerNamed('C'), bytesOf('RRQ f octet'));
      return tally(bench.counted);
    },
    counts: { 'requests.repeated': 3 },
  },
  {
    name: 'more transfers than there may be, in all and of one address',
    async happens() {
      const all = new Bench({ files: { f: Buffer.alloc(1000) }, engine: { transfers: 1 } });
      const each = new Bench({ files: { f: Buffer.alloc(1000) }, engine: { transfersPerClient: 1 } });
      for (const line of ['C>69 RRQ f octet', 'D>69 RRQ f octet']) all.say(line);
      for (const line of ['C>69 RRQ f octet', 'C>a ACK 1', '2000>69 RRQ f octet']) each.say(line);
      return tally([...all.drops, ...each.drops].map((reason) => `drops.${reason}`));
    },
    counts: { 'drops.too-many-transfers': 1, 'drops.too-many-transfers-of-address': 1 },
  },
  {
    name: 'a request that is sent again, and one for which the budget is too small',
    async happens() {
      const bench = new Bench({ files: { f: Buffer.alloc(1000) }, engine: { unprovenBytes: 516, unprovenFactor: 0 } });
      for (const line of ['C>69 RRQ f octet', '2000>69 RRQ f octet', 'C>69 RRQ f octet']) bench.say(line);
      return tally(bench.counted);
    },
    counts: { 'requests.repeated': 1, 'budget.held': 1, 'budget.refused': 1 },
  },
  {
    name: 'a client that resends its ACK until the block comes again',
    async happens() {
      const one = await lab();
      one.put('ROOT/small', SMALL);
      const { peer, from } = await begun(one.address, rrq('small', 'octet', { blksize: 50 }));
      peer.send(from, ack(0));
      // The first block, and the same again when its time is up.
      for (let i = 0; i < 2; i++) await peer.next();
      for (let block = 1; block <= 3; block++) peer.send(from, ack(block));
      await until(() => one.ended.length === 1, 'the end');
      return { 'packets.resent': Number(one.server.stats().counters['packets.resent'] > 0) };
    },
    counts: { 'packets.resent': 1 },
  },
  {
    name: 'a reload, and one that fails and is reported, too',
    async happens() {
      let broken = false;
      const plugin = definePlugin({
        name: 'fragile',
        setup() {
          if (broken) throw new Error('broken');
          return {};
        },
      });
      const one = await lab({ plugins: [plugin()] });
      await one.server.reload(one.server.config);
      broken = true;
      await one.server.reload(one.server.config).catch((failure) => one.server.reloadFailed(failure));
      return countsOf(one);
    },
    counts: { 'reloads.succeeded': 1, 'reloads.failed': 1 },
  },
  {
    name: 'a disk that does not answer',
    async happens() {
      const stats = new Stats();
      const fileSystem = { ...nodeFileSystem, stat: () => new Promise<never>(() => {}) };
      const disks = new Disks({ fileSystem, clock: systemClock, counters: stats });
      await disks
        .folder('/srv', { callMs: 10, transferMs: 10 })
        .stat('/srv/x')
        .catch(() => {});
      return nonZero(stats.snapshot().counters);
    },
    counts: { 'disk-calls.hung': 1 },
  },
  {
    name: 'a log on a full disk',
    async happens() {
      const stats = new Stats();
      const fd = openSync('/dev/full', 'w');
      onTestFinished(() => closeSync(fd));
      const destination = new LogDestination(fd, { maxBytes: 50, stats });
      for (let i = 0; i < 10; i++) destination.write(`${'x'.repeat(19)}\n`);
      return nonZero(stats.snapshot().counters);
    },
    counts: { 'log-lines.lost': 8 },
  },
];

describe('counters', () => {
  test.each(scenarios)('$name', async ({ happens, counts }) => {
    expect(await happens()).toEqual(counts);
  });

  test('each has its scenario', () => {
    const seen = new Set([...scenarios.flatMap(({ counts }) => Object.keys(counts)), 'reads.page-cache', 'restarts.data-thread']);
    expect(COUNTER_NAMES.filter((name) => !seen.has(name) && !isOfAnother(name))).toEqual([]);
  });
});

describe('histograms', () => {
  test('have each request, transfer and reload once', async () => {
    const { server, address, put: write, ended } = await lab();
    write('ROOT/small', SMALL);
    write('ROOT/large', LARGE);
    await get(address, 'small', { options: WAYS });
    await get(address, 'large', { options: WAYS });
    await get(address, 'absent');
    await server.reload(server.config);
    await until(() => ended.length === 3, 'every end');
    const { 'dhcp-answer-seconds': ofDhcp, ...histograms } = server.stats().histograms;
    expect(ofDhcp.count).toBe(0);
    const counts = Object.fromEntries(Object.entries(histograms).map(([name, { count }]) => [name, count]));
    expect(counts).toEqual({
      'answer-seconds': 3,
      'transfer-seconds': 2,
      'round-trip-seconds': 2,
      'file-bytes': 2,
      'reload-seconds': 1,
    });
    expect(histograms['file-bytes'].sum).toBe(SMALL.length + LARGE.length);
    for (const { sum, p50, p99 } of Object.values(histograms)) {
      expect(sum).toBeGreaterThan(0);
      expect(p99).toBeGreaterThanOrEqual(p50!);
    }
    const ms = ended.reduce((sum, { outcome, durationMs }) => sum + (outcome === 'completed' ? durationMs : 0), 0);
    expect(histograms['transfer-seconds'].sum).toBeCloseTo(ms / 1000, 6);
  });
});

describe('gauges', () => {
  test('show what is live, and what is kept', async () => {
    const { server, address, put: write } = await lab();
    write('ROOT/small', SMALL);
    write('ROOT/large', LARGE);
    const gauges = () => server.stats().gauges;
    expect(gauges()).toMatchObject({ 'live.requests': 0, 'live.generations': 1, 'last-reload-seconds.succeeded': 0 });
    const { peer, from } = await begun(address, rrq('large'));
    await server.reload(server.config);
    expect(gauges()).toMatchObject({ 'live.requests': 1, 'live.generations': 2 });
    expect(Math.abs(gauges()['last-reload-seconds.succeeded'] - Date.now() / 1000)).toBeLessThan(60);
    peer.send(from, error(0, 'enough'));
    await until(() => gauges()['live.generations'] === 1, 'the end of the first generation');
    expect(gauges()['live.requests']).toBe(0);
    await get(address, 'small');
    await get(address, 'large', { options: WAYS });
    const kept = gauges()['cache-bytes.main'] + gauges()['cache-bytes.data'];
    expect(kept).toBeGreaterThan(SMALL.length + LARGE.length);
    expect(kept).toBeLessThan(SMALL.length + LARGE.length + 4 * SEGMENT_BYTES);
  });
});

test('hooks are measured by plugin, and so are those of the next generation', async () => {
  const plugin = definePlugin({
    name: 'moody',
    setup: () => ({
      open({ name }) {
        if (name === 'throws') throw new Error('boom');
        if (name === 'refuses') throw new TftpError(2, 'not for you');
        if (name === 'odd') return 5 as never;
        return name === 'hangs' ? new Promise<never>(() => {}) : undefined;
      },
    }),
  });
  const { server, address } = await lab({ plugins: [plugin()], limits: { hookMs: 50 } });
  for (const name of ['throws', 'refuses', 'odd', 'hangs', 'absent']) await get(address, name, { retryMs: 2000 });
  const measured = () => {
    const { 'hook.errors': errors, 'hook.timeouts': timeouts, 'hook-seconds': duration } = server.stats().plugins.moody!;
    return { errors, timeouts, calls: duration.count, longest: duration.p99! };
  };
  expect(measured()).toMatchObject({ errors: 2, timeouts: 1, calls: 5 });
  expect(measured().longest).toBeGreaterThan(0.02);
  await server.reload(server.config);
  await get(address, 'throws');
  expect(measured()).toMatchObject({ errors: 3, timeouts: 1, calls: 6 });
});

describeWith('native transport', [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }], () => {
  test('a snapshot survives a restart of the data thread, which is counted', async () => {
    let thread: Worker | undefined;
    const started = (worker: Worker) => {
      if (worker.threadName === 'data-worker') thread = worker;
    };
    process.on('worker', started);
    onTestFinished(() => void process.off('worker', started));
    const { server, address, put: write, ended } = await lab({ tftp: { transport: 'native' } });
    write('ROOT/large', LARGE);
    await get(address, 'large', { options: WAYS });
    await until(() => ended.length === 1, 'the end');
    const before = server.stats();
    expect(before.gauges['cache-bytes.data']).toBeGreaterThan(0);
    await thread!.terminate();
    await until(() => server.stats().counters['restarts.data-thread'] === 1, 'a restart', 15_000);
    await until(() => server.stats().gauges['cache-bytes.data'] === 0, 'the end of what the thread had kept', 15_000);
    const after = server.stats();
    expect(after.counters).toEqual({ ...before.counters, 'restarts.data-thread': 1 });
    expect(after.histograms).toEqual(before.histograms);
    await get(address, 'large', { options: WAYS, retryMs: 2000 });
    await until(() => ended.length === 2, 'the second end');
    expect(server.stats().counters['outcomes.completed']).toBe(2);
    expect(server.stats().histograms['answer-seconds'].count).toBe(2);
  });
});

/** Their scenarios are in `stats.test.ts` of test/dhcp and test/http. */
function isOfAnother(name: string): boolean {
  return /^(dhcp|http)-/.test(name) || name === 'requests.boot';
}
