/**
 * What 10,000 hosts in one config cost: loading them, and finding one. And what 100,000 cost that come from a file: how long they hold
 * the event loop as they are loaded, listed and checked, and how much memory they take.
 *
 *     npm run measure:hosts -- [--write]
 *
 * A lookup is what one request costs in `hosts`: its hooks `host` and `open`, where `files` has the answer.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hosts } from '../plugins/index.ts';
import { nodeFileSystem } from '../src/content/node-filesystem.ts';
import { Root } from '../src/content/root.ts';
import type { Call, CheckCall, Hooks, Plugin, PluginContext, ReadRequest } from '../src/index.ts';
import { checkInput } from '../src/kit.ts';
import { quantile, Report } from './lib/report.ts';

const COUNTS = [100, 10_000];
const ROUNDS = 7;
const LOOKUPS = 20_000;
const LOOKUP_US = 50;
const MANY = 100_000;
const STALL_MS = 50;

const report = new Report({ script: 'measure:hosts' });
const folder = mkdtempSync(join(tmpdir(), 'pxe-hosts-'));
try {
  const rows: (readonly (string | number)[])[] = [['hosts', 'from', 'load, ms', 'lookup, µs', 'of a stranger, µs']];
  const lookups: number[] = [];
  for (const count of COUNTS) {
    for (const [kind, plugin] of [
      ['config', inline(count)],
      ['CSV', table(count)],
    ] as const) {
      report.progress(`${count} hosts from ${kind}`);
      const loads: number[] = [];
      let hooks: Hooks | undefined;
      for (let round = 0; round < ROUNDS; round++) {
        const began = performance.now();
        hooks = await load(plugin);
        loads.push(performance.now() - began);
      }
      const known = await lookupUs(hooks!, (n) => macOf((n * 7919) % count));
      const stranger = await lookupUs(hooks!, (n) => macOf(count + n));
      lookups.push(known, stranger);
      rows.push([count, kind, quantile(loads, 0.5).toFixed(1), known.toFixed(2), stranger.toFixed(2)]);
    }
  }
  report.table(rows);
  report.check(Math.max(...lookups) < LOOKUP_US, `a lookup takes less than ${LOOKUP_US} µs`);
  await measureMany();
} finally {
  rmSync(folder, { recursive: true });
}
report.end('hosts');

/** `check` opens a file for each machine. */
async function measureMany(): Promise<void> {
  const rows: (readonly (string | number)[])[] = [['100,000 hosts from', 'work', 'took, ms', 'longest stall, ms', 'memory, MiB']];
  const stalls: number[] = [];
  mkdirSync(join(folder, 'efi'));
  for (let n = 0; n < MANY; n++) writeFileSync(join(folder, 'efi', String(n)), '');
  const root = new Root(folder, { fileSystem: nodeFileSystem });
  const call = { root, sources: [{ tells: ['mac'] }], note() {}, signal: new AbortController().signal } as unknown as CheckCall;
  for (const [kind, plugin] of [
    ['CSV', table(MANY)],
    ['YAML', yaml(MANY)],
  ] as const) {
    let hooks: Hooks | undefined;
    const works: Readonly<Record<string, () => Promise<unknown>>> = {
      load: async () => {
        hooks = await load(plugin);
      },
      'load again': async () => {
        hooks = await load(plugin);
      },
      machines: async () => hooks!.machines!(call),
      check: async () => {
        const [finding] = await hooks!.check!(call);
        if (finding) throw new Error(finding.message);
      },
    };
    for (const [name, work] of Object.entries(works)) {
      report.progress(`${name}: ${MANY} hosts from ${kind}`);
      const { tookMs, stallMs } = await stalling(work);
      stalls.push(stallMs);
      rows.push([kind, name, tookMs.toFixed(0), stallMs.toFixed(0), (process.memoryUsage().rss / 1024 ** 2).toFixed(0)]);
    }
  }
  report.table(rows);
  report.check(Math.max(...stalls) < STALL_MS, `${MANY} hosts hold the event loop for less than ${STALL_MS} ms at a time`);
}

/**
 * Ticks that come late, in time that this thread has worked meanwhile: what other programs take of the processor is not the work's
 * doing.
 */
async function stalling(work: () => Promise<unknown>): Promise<{ readonly tookMs: number; readonly stallMs: number }> {
  const workedMs = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  const began = performance.now();
  let last = workedMs();
  let stallMs = 0;
  const tick = () => {
    const now = workedMs();
    stallMs = Math.max(stallMs, now - last);
    last = now;
  };
  const ticking = setInterval(tick, 1);
  await work();
  tick();
  clearInterval(ticking);
  return { tookMs: performance.now() - began, stallMs };
}

function yaml(count: number): Plugin {
  const file = join(folder, `${count}.yaml`);
  const lines = Array.from({ length: count }, (_, n) => `${macOf(n)}: { name: host${n}, files: { boot.efi: efi/${n} } }`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return hosts({ file });
}

function inline(count: number): Plugin {
  const entries = Array.from(
    { length: count },
    (_, n) => [macOf(n), { groups: [`rack${n % 50}`], files: { 'boot.efi': `efi/${n}` } }] as const,
  );
  const groups = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`rack${n}`, { variables: { rack: n } }]));
  const networks = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`10.${n}.0.0/16`, { groups: [`rack${n}`] }]));
  return hosts({ hosts: { ...Object.fromEntries(entries), ...networks, '52:54:00:*': {} }, groups });
}

function table(count: number): Plugin {
  const file = join(folder, `${count}.csv`);
  const lines = Array.from(
    { length: count },
    (_, n) => `${macOf(n)},10.${n >> 16}.${(n >> 8) & 255}.${n & 255},host${n},efi/${n},${n % 50}`,
  );
  writeFileSync(file, `mac,address,name,file:boot.efi,rack\n${lines.join('\n')}\n`);
  return hosts({ file });
}

function macOf(n: number): string {
  return `52:54:00:${[n >> 16, n >> 8, n].map((octet) => (octet & 255).toString(16).padStart(2, '0')).join(':')}`;
}

/** As a generation does: check the options, then set up. */
async function load(plugin: Plugin): Promise<Hooks> {
  const { value, issues } = checkInput(plugin.definition.options!, plugin.options);
  if (issues) throw new Error(JSON.stringify(issues));
  return plugin.definition.setup(value, { configDir: folder, watch() {} } as unknown as PluginContext);
}

async function lookupUs(hooks: Hooks, macFor: (n: number) => string): Promise<number> {
  const call = { root: { open: async () => undefined, has: async () => false } } as unknown as Call;
  const requests = Array.from({ length: 1000 }, (_, n) => requestOf(macFor(n)));
  const took: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    for (let n = 0; n < LOOKUPS; n++) {
      const request = requests[n % requests.length]!;
      hooks.host!(request, call);
      await hooks.open!(request, call);
    }
    took.push(((performance.now() - began) * 1000) / LOOKUPS);
  }
  return quantile(took, 0.5);
}

function requestOf(mac: string): ReadRequest {
  return {
    protocol: 'tftp',
    kind: 'read',
    client: { address: '10.0.0.9', port: 2070, mac },
    local: { address: '10.0.0.1', port: 69 },
    asked: 'boot.efi',
    name: 'boot.efi',
    tftp: { mode: 'octet', options: new Map() },
  };
}
