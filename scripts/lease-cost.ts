/**
 * What large lease files cost: reading one, how long the event loop is held up meanwhile, a question when nothing has changed, one
 * after a change, a look into the index, memory.
 *
 *     npm run measure:leases -- [--write]
 *
 * The event loop is held up for as long as the longest time between two turns of it (perf_hooks); a collection of garbage counts, too.
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Log } from 'pxe';
import { LeaseFile } from '../plugins/leases/file.ts';
import type { FormatName } from '../plugins/leases/formats.ts';
import { mebibytes, quantile, Report } from './lib/report.ts';

const LEASES = 100_000;
const ASKED = 1_000;
const LOOKED = 200_000;
/** An answer from the index may take so long. */
const LOOK_LIMIT_US = 50;

const end = Math.floor(Date.now() / 1000) + 86_400;
const hex = (value: number) => value.toString(16).padStart(2, '0');
const macOf = (lease: number) => `52:54:00:${hex(lease >> 16)}:${hex((lease >> 8) & 255)}:${hex(lease & 255)}`;
const ipv4 = (lease: number) => `10.${lease >> 16}.${(lease >> 8) & 255}.${lease & 255}`;
const ipv6 = (lease: number) => `fd00::${(lease >> 16).toString(16)}:${(lease & 0xffff).toString(16)}`;

/** A file without leases, and a lease of it. */
interface Written {
  readonly format: FormatName;
  readonly head: string;
  readonly tail?: string;
  address(lease: number): string;
  entry(lease: number): string;
}

const files: Readonly<Record<string, Written>> = {
  dnsmasq: {
    format: 'dnsmasq',
    head: '',
    address: ipv4,
    entry: (lease) => `${end} ${macOf(lease)} ${ipv4(lease)} web${lease} 01:${macOf(lease)}\n`,
  },
  'dhcpd, IPv4': {
    format: 'dhcpd',
    head: 'authoring-byte-order little-endian;\n',
    address: ipv4,
    entry: (lease) =>
      `lease ${ipv4(lease)} {\n  starts epoch ${end - 86_400};\n  ends epoch ${end};\n  cltt epoch ${end - 86_400};\n  binding state active;\n  next binding state free;\n  rewind binding state free;\n  hardware ethernet ${macOf(lease)};\n  uid "\\001RT\\000\\022";\n  client-hostname "web${lease}";\n}\n`,
  },
  'kea, IPv4': {
    format: 'kea',
    head: 'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n',
    address: ipv4,
    entry: (lease) => `${ipv4(lease)},${macOf(lease)},01:${macOf(lease)},86400,${end},1,0,0,web${lease},0,,0\n`,
  },
  'kea, IPv6': {
    format: 'kea',
    head: 'address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id\n',
    address: ipv6,
    entry: (lease) =>
      `${ipv6(lease)},00:03:00:01:${macOf(lease)},86400,${end},1,3000,0,${lease},128,0,0,web${lease},${macOf(lease)},0,,1,2,0\n`,
  },
};

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const report = new Report({ script: 'measure:leases' });
const silent: Log = {
  debug: () => {},
  info: () => {},
  warn: (fields: object, message: string) => report.line(`${message}: ${JSON.stringify(fields)}`),
  error: () => {},
  child: (): Log => silent,
};
const folder = mkdtempSync(join(tmpdir(), 'pxe-leases-'));
try {
  const rows: (string | number)[][] = [
    ['100,000 leases', 'file', 'read ms', 'held up ms', 'unchanged µs', 'one more ms', 'look µs', 'memory'],
  ];
  for (const [name, written] of Object.entries(files)) rows.push(await costOf(name, written));
  report.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}
report.end('lease files');

async function costOf(name: string, { format, head, address, entry }: Written): Promise<(string | number)[]> {
  report.progress(name);
  const path = join(folder, format);
  const text = head + Array.from({ length: LEASES }, (_, lease) => entry(lease)).join('');
  writeFileSync(path, text);
  await settled();
  const file = new LeaseFile(path, format, silent);
  collect();
  const before = process.memoryUsage().heapUsed;

  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const read = await timed(() => file.problem());
  delay.disable();
  collect();
  const memory = process.memoryUsage().heapUsed - before;

  const unchanged: number[] = [];
  for (let asked = 0; asked < ASKED; asked++) unchanged.push(await timed(() => file.find(address(asked))));
  appendFileSync(path, entry(LEASES));
  const more = await timed(() => file.find(address(LEASES)));
  const found = await file.find(address(LEASES));
  report.check(found?.mac === macOf(LEASES), `${name}: a lease that was just written is found`);

  const now = Date.now();
  const addresses = Array.from({ length: LOOKED }, (_, i) => address((i * 7919) % LEASES));
  const looked = await timed(async () => {
    for (const one of addresses) file.holder(one, now);
  });
  const lookUs = (looked / LOOKED) * 1000;
  report.check(lookUs < LOOK_LIMIT_US, `${name}: a look into the index takes less than ${LOOK_LIMIT_US} µs`);
  return [
    name,
    mebibytes(text.length),
    Math.round(read),
    Math.round(delay.max / 1e6),
    Math.round(quantile(unchanged, 0.5) * 1000),
    Math.round(more * 10) / 10,
    Math.round(lookUs * 100) / 100,
    mebibytes(memory),
  ];
}

/** Past the time in which a file that is rewritten in place may be half-written. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
