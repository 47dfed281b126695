/**
 * What 10,000 hosts in one config cost: loading them, and finding one.
 *
 *     npm run measure:hosts
 *
 * A lookup is what one request costs in `hosts`: its hooks `host` and `open`, where `files` has the answer.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hosts } from '../plugins/index.ts';
import type { Call, Hooks, Plugin, PluginContext, ReadRequest } from '../src/index.ts';
import { checkInput } from '../src/index.ts';
import { quantile, Report } from './lib/report.ts';

const COUNTS = [100, 10_000];
const ROUNDS = 7;
const LOOKUPS = 20_000;
const LOOKUP_US = 50;

const report = new Report();
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
} finally {
  rmSync(folder, { recursive: true });
}
report.end('hosts');

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
    (_, n) => `${macOf(n)},10.0.${(n >> 8) & 255}.${n & 255},host${n},efi/${n},${n % 50}`,
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
    kind: 'read',
    client: { address: '10.0.0.9', port: 2070, mac },
    local: { address: '10.0.0.1', port: 69 },
    asked: 'boot.efi',
    name: 'boot.efi',
    mode: 'octet',
    options: new Map(),
  };
}
