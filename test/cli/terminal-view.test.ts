/** The log as a person sees it: a record in, lines out. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LogRecord } from '../../src/cli/log-record.ts';
import { UNREADABLE } from '../../src/cli/server-lines.ts';
import { TerminalView, type TerminalViewOptions } from '../../src/cli/terminal-view.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** `15:18:26` in any time zone. */
const local = new Date(0);
local.setFullYear(2026, 10, 30);
local.setHours(15, 18, 26, 0);
const time = local.getTime();

function viewOf(options: Partial<TerminalViewOptions & { width: number; isVerbose: boolean }> = {}) {
  const { width = 100, isVerbose = false, coloured = false } = options;
  return new TerminalView({ columns: () => width, coloured, verbose: () => isVerbose, folder: '/lab' });
}

function record(fields: object): LogRecord {
  return { level: 30, time, msg: 'transfer completed', ...fields };
}

const known = { client: '192.168.7.20', host: 'web1', mac: '52:54:00:12:34:56', macSource: 'leases', kind: 'read' };
const sent = { ...known, asked: 'boot', served: 'web1/boot.ipxe', outcome: 'completed', bytes: 1400, ms: 12.3, mbPerS: 0.114 };
const dhcp = { host: 'web1', mac: '52:54:00:12:34:56', firmware: 'uefi-x64', arch: 7, ms: 3 };
const error = (code: number, message: string, cause?: string) => ({ error: { code, message, cause } });
const absent = (asked: string, fields: object = known) =>
  record({ ...fields, asked, outcome: 'refused', msg: 'request refused', ...error(1, 'file not found') });

describe('five PXELINUX boots, a good reload, a bad one, another good one, and a transfer whose client vanishes', () => {
  const text = readFileSync(new URL('../data/log/five-boots.jsonl', import.meta.url), 'utf8');
  const recorded = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LogRecord);
  const show = (width: number): readonly string[] => {
    const view = viewOf({ width });
    // Recorded in UTC.
    const shift = new Date(recorded[0]!.time).getTimezoneOffset() * 60_000;
    return [...recorded.flatMap((one) => view.lines({ ...one, time: one.time + shift })), ...view.flush()];
  };

  test.each([100, 160])('at %i columns', (width) => {
    const lines = show(width);
    expect(lines.join('\n')).toMatchSnapshot();
    expect(lines.filter((line) => line.length > width)).toEqual([]);
    // The boots themselves, from the first request to the last boot's line.
    const reloaded = lines.findIndex((line) => line.includes('reloaded rack.csv'));
    expect(lines.slice(3, reloaded)).toHaveLength(35);
    expect(lines).toHaveLength(width === 100 ? 45 : 44);
  });
});

describe('a line', () => {
  const rows: readonly (readonly [string, object, string | readonly string[]])[] = [
    [
      'of an offer by DHCP',
      record({ msg: 'boot offered', ...dhcp, offered: 'ipxe/snponly.efi', layout: 'direct', answeredOn: 67 }),
      '15:18:26 web1       …12:34:56  offer ipxe/snponly.efi  uefi-x64',
    ],
    [
      'of an offer by the boot server, through a relay',
      record({ msg: 'boot offered', ...dhcp, offered: 'boot.efi', layout: 'binl', answeredOn: 4011, relay: '10.8.0.1' }),
      '15:18:26 web1       …12:34:56  offer boot.efi  uefi-x64, layout binl, port 4011, relay 10.8.0.1',
    ],
    [
      'of a machine that is to boot from its disk',
      record({ msg: 'boot offered', ...dhcp, offered: 'disk', answeredOn: 67 }),
      '15:18:26 web1       …12:34:56  offer local disk  uefi-x64',
    ],
    [
      'of a machine that is offered nothing',
      record({ msg: 'boot not offered', ...dhcp, error: { reason: 'not-found', message: 'nothing to boot' } }),
      '15:18:26 web1       …12:34:56  no offer: nothing to boot',
    ],
    [
      'of a file',
      record(sent),
      '15:18:26 web1       …12:34:56  boot → web1/boot.ipxe               1.4 KiB   12 ms  0.1 MB/s  sent',
    ],
    [
      'of a stranger, without a MAC address',
      record({ ...sent, host: undefined, mac: undefined, served: 'boot' }),
      '15:18:26 unknown    …168.7.20  boot                                1.4 KiB   12 ms  0.1 MB/s  sent',
    ],
    [
      'of an upload',
      record({ ...sent, kind: 'write', served: undefined }),
      '15:18:26 web1       …12:34:56  boot (upload)                       1.4 KiB   12 ms  0.1 MB/s  stored',
    ],
    [
      'of a refusal: the cause, which the client is not told',
      record({ ...sent, served: undefined, outcome: 'refused', ...error(2, 'access violation', 'EACCES: permission denied') }),
      '15:18:26 web1       …12:34:56  boot                               refused: EACCES: permission denied',
    ],
    [
      'of a client that gives up',
      record({ ...sent, outcome: 'aborted', ...error(0, 'closed') }),
      '15:18:26 web1       …12:34:56  boot → web1/boot.ipxe     client gave up after 1.4 KiB, 12 ms: closed',
    ],
    [
      'of an absent name by itself, once nothing more comes',
      absent('boot'),
      '15:18:26 web1       …12:34:56  boot                                not found',
    ],
    [
      'of a plugin’s error: the user’s line first, and no stack',
      record({
        level: 50,
        msg: 'plugin failed',
        plugin: 'greeting',
        hook: 'open',
        transfer: 3,
        err: { message: 'plugin "greeting", open: retur is not defined', at: '/lab/greeting.ts:7:45', stack: 'at x' },
      }),
      '15:18:26 error greeting.ts:7:45: plugin "greeting", open: retur is not defined',
    ],
    [
      'of a port that is taken, at a reload',
      record({ level: 50, msg: 'reload failed, the current config stays in force: 127.0.0.1 port 69 is taken\n    ask "ss"' }),
      '15:18:26 reload failed: 127.0.0.1 port 69 is taken; ask "ss"; the current config stays in force',
    ],
    [
      'of a transfer that is not over, for SIGUSR1',
      record({ ...known, msg: 'transfer under way', asked: 'vmlinuz', served: 'vmlinuz', size: 8e6, bytes: 1e6, ageMs: 2500 }),
      '15:18:26 web1       …12:34:56  vmlinuz                             977 KiB of 7.6 MiB, 2.5 s, under way',
    ],
    [
      'of all transfers, for SIGUSR1',
      record({ msg: 'status', transfers: 1, generation: 2, addresses: [{ address: '0.0.0.0', port: 69 }] }),
      '15:18:26 1 transfer under way, generation 2, on 0.0.0.0 port 69',
    ],
    [
      'of what was counted, for SIGUSR1',
      record({
        msg: 'status',
        ...{ transfers: 0, generation: 1, addresses: [{ address: '10.0.0.1', port: 69 }] },
        stats: {
          counters: {
            ...{ 'requests.read': 3, 'requests.write': 1, 'outcomes.completed': 3, 'outcomes.failed': 1, 'outcomes.aborted': 0 },
            ...{ 'bytes.sent': 2 ** 21, 'drops.malformed': 2, 'drops.not-listening': 1 },
          },
        },
      }),
      [
        '15:18:26 0 transfers under way, generation 1, on 10.0.0.1 port 69; since the start: 4 requests (3',
        '         completed, 1 failed), 2.0 MiB sent, 3 datagrams dropped',
      ],
    ],
    [
      'of what was measured, for SIGUSR1',
      record({
        msg: 'status',
        ...{ transfers: 0, generation: 3, addresses: [{ address: '10.0.0.1', port: 69 }] },
        stats: {
          counters: {
            ...{ 'cache.hits': 9, 'cache.misses': 1, 'reloads.succeeded': 2, 'reloads.failed': 1 },
            ...{ 'disk-calls.hung': 1, 'log-lines.lost': 20, 'budget.held': 3 },
          },
          gauges: {
            ...{ 'cache-bytes.main': 2 ** 20, 'cache-bytes.data': 2 ** 20 },
            ...{ 'last-reload-seconds.succeeded': time / 1000, 'last-reload-seconds.failed': time / 1000 - 60 },
          },
          histograms: {
            'answer-seconds': { count: 3, p50: 0.00025, p99: 0.0021 },
            'transfer-seconds': { count: 3, p50: 1.5, p99: 90 },
            'round-trip-seconds': { count: 0 },
          },
          plugins: {
            hosts: { 'hook.errors': 0, 'hook.timeouts': 0, 'hook-seconds': { count: 1204, p50: 0.00002, p99: 0.001 } },
            own: { 'hook.errors': 2, 'hook.timeouts': 1, 'hook-seconds': { count: 1, p50: 4, p99: 5 } },
            idle: { 'hook.errors': 0, 'hook.timeouts': 0, 'hook-seconds': { count: 0 } },
          },
        },
      }),
      [
        '15:18:26 0 transfers under way, generation 3, on 10.0.0.1 port 69',
        '         median and 99th percentile: first reply 250 µs and 2.1 ms, transfer 1.5 s and 90 s',
        '         2.0 MiB of files cached, 90% hit rate',
        '         plugin hosts: 1204 calls, median 20 µs, p99 1.0 ms',
        '         plugin own: 1 call, median 4.0 s, p99 5.0 s, 2 failed, 1 took too long',
        '         2 reloads succeeded, the last at 15:18:26, 1 reload failed, the last at 15:17:26',
        '         1 file system call hung, 20 log lines lost, 3 first replies held back',
      ],
    ],
    [
      'of dropped datagrams',
      record({
        level: 40,
        msg: 'datagrams dropped',
        drops: [
          { reason: 'malformed', count: 1, client: '192.168.7.20', port: 2070 },
          { reason: 'too-many-transfers', count: 3 },
        ],
      }),
      '15:18:26 warning datagrams dropped: 1 malformed (from 192.168.7.20 port 2070), 3 too many transfers',
    ],
    [
      'of a save',
      record({ msg: 'reload done', files: ['/lab/rack.csv'], machines: 2, keys: [], plugins: {}, draining: 0, ms: 6 }),
      '15:18:26 reloaded rack.csv: 2 machines changed, 6.0 ms',
    ],
    [
      'of a save that changes much',
      record({
        msg: 'reload done',
        files: ['/lab/a.ts', '/lab/b.ts', '/lab/c.ts', '/lab/d.ts'],
        keys: ['limits'],
        plugins: { added: ['rewrite'], removed: [], changed: ['hosts'] },
        draining: 1,
        ms: 60,
      }),
      [
        '15:18:26 reloaded a.ts, b.ts, 2 more files: limits changed, plugin rewrite added, plugin hosts',
        '         changed, 1 transfer continues as it began, 60 ms',
      ],
    ],
    [
      'of what the new config has wrong',
      record({
        level: 40,
        msg: 'check',
        severity: 'warning',
        file: '/lab/rack.csv',
        line: 3,
        path: 'hosts',
        finding: 'no file "x"',
      }),
      '         warning rack.csv:3: hosts: no file "x"',
    ],
    [
      'of a key that waits for a restart',
      record({ level: 40, msg: 'takes effect after a restart', key: 'user', reason: 'privileges' }),
      '         warning user takes effect after a restart: privileges',
    ],
    [
      'of anything else',
      record({ level: 40, msg: 'sources disagree', plugin: 'identify', address: '192.168.7.20', list: [1] }),
      '15:18:26 warning identify: sources disagree  address 192.168.7.20, list [1]',
    ],
  ];

  test.each(rows)('%s', (_what, one, line) => {
    const view = viewOf();
    expect([...view.lines(one as LogRecord), ...view.flush()]).toEqual([line].flat());
  });

  test('of a problem that fills the line: what stays is told below', () => {
    const problem = `plugin "hosts", setup: rack.csv:4: ${'long '.repeat(20).trim()}`;
    const msg = `reload failed, the current config stays in force: ${problem}\n    read this`;
    expect(
      viewOf()
        .lines(record({ level: 50, msg }))
        .slice(-2),
    ).toEqual(['         read this', '         the current config stays in force']);
  });

  test('of a problem that needs more room: the ways out below', () => {
    const ways =
      '\n  run as root and let the server switch to another user\n  give this Node the capability to bind ports below 1024';
    const msg = `reload failed, the current config stays in force: not permitted to listen on port 3${ways}`;
    expect(viewOf().lines(record({ level: 50, msg }))).toEqual([
      '15:18:26 reload failed: not permitted to listen on port 3; the current config stays in force',
      '         run as root and let the server switch to another user',
      '         give this Node the capability to bind ports below 1024',
    ]);
  });

  test('that is longer than the terminal is wide is broken between words, and goes on below', () => {
    const finding = `can never match: nothing here provides a client's MAC address; add a source to identify(), before hosts`;
    expect(viewOf().lines(record({ level: 40, msg: 'check', severity: 'warning', path: 'plugins[1]', finding }))).toEqual([
      "         warning plugins[1]: can never match: nothing here provides a client's MAC address; add a",
      '         source to identify(), before hosts',
    ]);
  });

  test('of several problems of a config: each below', () => {
    const msg =
      'reload failed, the current config stays in force: /lab/pxe.config.ts: 2 problems\n  rotDir: unknown key\n    did you mean "rootDir"?\n  limits: no';
    expect(viewOf().lines(record({ level: 50, msg }))).toEqual([
      '15:18:26 reload failed: pxe.config.ts: 2 problems; the current config stays in force',
      '         error rotDir: unknown key; did you mean "rootDir"?',
      '         error limits: no',
    ]);
  });
});

describe('folding', () => {
  test('absent names wait for the next line of their client, and for nobody else’s', () => {
    const view = viewOf();
    expect(['a', 'b', 'c'].flatMap((name) => view.lines(absent(name)))).toEqual([]);
    expect(view.lines(record({ ...sent, client: '192.168.7.21' }))).toHaveLength(1);
    expect(view.lines(record(sent))).toEqual([
      '15:18:26 web1       …12:34:56  3 names not found: a … c',
      expect.stringContaining('web1/boot.ipxe'),
    ]);
    expect([view.waits, view.flush()]).toEqual([false, []]);
  });

  test('one name that is absent, asked for several times', () => {
    const view = viewOf();
    for (const name of ['a', 'a']) view.lines(absent(name));
    expect(view.flush()).toEqual(['15:18:26 web1       …12:34:56  2 times not found: a']);
  });

  test.each([
    [{ msg: 'stopping', signal: 'SIGTERM', transfers: 1 }, '15:18:26 stopping: SIGTERM, 1 transfer under way'],
    [{ msg: 'stopping at once', signal: 'SIGINT', transfers: 2 }, '15:18:26 stopping at once: SIGINT, 2 transfers under way'],
    [{ level: 40, msg: UNREADABLE, path: '/srv/pxe.config.ts' }, `15:18:26 warning /srv/pxe.config.ts ${UNREADABLE}`],
  ])('%j is a sentence', (fields, told) => {
    expect(viewOf().lines(record(fields)).join(' ').replace(/ +/g, ' ')).toBe(told);
  });

  test('nothing is lost at a stop, and a flood of clients or of names does not wait without bound', () => {
    const view = viewOf();
    view.lines(absent('a'));
    expect(view.lines(record({ msg: 'stopping', signal: 'SIGTERM' }))).toHaveLength(2);
    let lines = 0;
    for (let n = 0; n < 5000; n++) lines += view.lines(absent(`${n}`, { ...known, client: `10.0.${n >> 8}.${n & 255}` })).length;
    for (let n = 0; n < 5000; n++) lines += view.lines(absent(`${n}`)).length;
    expect(lines).toBeGreaterThan(4700);
    expect(lines + view.flush().length).toBeLessThan(5020);
  });

  test('a size probe is dropped where the transfer follows, and a line where it does not', () => {
    const probe = record({ ...sent, outcome: 'probed', msg: 'size probed' });
    const view = viewOf();
    expect(view.lines(probe)).toEqual([]);
    expect(view.lines(record(sent))).toHaveLength(1);
    view.lines(probe);
    expect(view.lines(record({ ...sent, asked: 'other' }))).toEqual([expect.stringContaining('size probe'), expect.anything()]);
  });
});

test('--verbose shows what begins, the life of generations, and each hook’s answer', () => {
  const started = record({ ...known, msg: 'transfer started', asked: 'boot', served: 'boot', size: 10 });
  const trace = [
    { plugin: 'identify', hook: 'identify', before: '192.168.7.20', after: '52:54:00:12:34:56 (leases)', ms: 0.12, lookups: [] },
    { plugin: 'hosts', hook: 'open', before: 'boot', ms: 1.2, note: 'no entry', lookups: [] },
    { hook: 'open', before: 'boot', error: 'error 1: file not found', ms: 0.2, lookups: [] },
  ];
  const route = record({ level: 20, msg: 'route', trace });
  expect(
    [started, route, record({ msg: 'generation drained' })].flatMap((one) => viewOf({ isVerbose: true }).lines(one)),
  ).toEqual([
    '15:18:26 web1       …12:34:56  boot                                begins, 10 B',
    '         identify identify: 192.168.7.20 → 52:54:00:12:34:56 (leases)  0.1 ms',
    '         open hosts: boot → no answer, no entry  1.2 ms',
    '         open root directory: boot → failed: error 1: file not found  0.2 ms',
    '15:18:26 generation drained',
  ]);
  expect(viewOf().lines(started)).toEqual([]);
});

test('colours mean something, and are left out where they are not wanted', () => {
  const [line] = viewOf({ coloured: true }).lines(record(sent));
  expect(line).toContain('\x1b[36mweb1      \x1b[0m');
  expect(line?.endsWith('\x1b[32m  sent\x1b[0m')).toBe(true);
  const stranger = viewOf({ coloured: true }).lines(record({ ...sent, host: undefined }));
  expect(stranger[0]).toContain('\x1b[33munknown   \x1b[0m');
  expect(viewOf().lines(record(sent))[0]).not.toContain('\x1b');
});

test('whatever a client or a plugin writes, a record is lines of text without a control byte', () => {
  const hostile = fc.string({
    unit: fc.constantFrom('\x1b', '[2J', '\r', '\n', '\x9b', '\u202e', '\u2028', '\x07', 'a', '→', '/'),
  });
  const anything = fc.record(
    {
      msg: fc.oneof(
        fc.constantFrom('boot', 'route', 'check', 'starting', 'reload done', 'listening', 'transfer started'),
        hostile,
      ),
      ...Object.fromEntries(
        ['client', 'host', 'mac', 'asked', 'served', 'outcome', 'key', 'finding', 'path', 'file', 'rootDir', 'plugin'].map(
          (key) => [key, fc.oneof(hostile, fc.constant(undefined), fc.constant(7))],
        ),
      ),
      error: fc.oneof(fc.record({ code: fc.integer(), message: hostile, cause: hostile }), hostile),
      err: fc.oneof(fc.record({ message: hostile, at: hostile }), hostile),
      steps: fc.oneof(fc.array(fc.record({ served: hostile })), hostile),
      trace: fc.oneof(fc.array(fc.record({ hook: hostile, before: hostile, after: hostile, ms: fc.double() })), hostile),
      bytes: fc.oneof(fc.double(), hostile),
      ms: fc.oneof(fc.double(), hostile),
    },
    { requiredKeys: ['msg'] },
  );
  fc.assert(
    fc.property(anything, fc.integer({ min: 1, max: 300 }), (fields, width) => {
      const view = viewOf({ width, isVerbose: true });
      for (const line of [...view.lines(record(fields)), ...view.flush()]) expect(line).not.toMatch(CONTROL);
    }),
  );
});
