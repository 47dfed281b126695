/** Acceptance 8: `server.explain`, `pxe explain` and the wire give the same answer to the same request. */

import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { hosts } from 'pxe/plugins';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { ConfigError } from '../../src/config/error.ts';
import { createResolvedServer, explainConfig } from '../../src/server/create.ts';
import type { Explanation, Question } from '../../src/server/explain.ts';
import { load } from '../kit/config.ts';
import { folder, keepingLog, type LogLine, until } from '../kit/lab.ts';
import { pxe } from '../kit/pxe.ts';
import { type Address, type Got, get, type Options } from '../kit/tftp.ts';

const config = `
import { defineConfig, definePlugin, TftpError } from 'pxe';
import { hosts, identify, rewrite } from 'pxe/plugins';

const bytes = (offset, length, size) => new Uint8Array(Math.max(0, Math.min(length, size - offset))).fill(120);
const content = (size, known) => ({ size: known ? size : undefined, read: (o, l) => bytes(o, l, size), close() {} });

const made = definePlugin({
  name: 'made',
  setup: () => ({
    identify: (request) => (request.name === 'who' ? Promise.reject(new Error('/etc/shadow')) : undefined),
    open(request) {
      switch (request.name) {
        case 'made/bytes': return Buffer.from('made for ' + request.client.mac);
        case 'made/size-known': return content(150_000, true);
        case 'made/size-unknown': return content(150_000, false);
        case 'made/short-unknown': return content(10, false);
        case 'made/empty': return new Uint8Array(0);
        case 'made/name': return 'plain';
        case 'made/escape': return '../secret';
        case 'made/nowhere': return 'nowhere';
        case 'made/refused': throw new TftpError(7, 'ask again tomorrow');
        case 'made/broken': throw new Error('/etc/shadow');
        case 'made/unreadable': return { size: 5, read() { throw new Error('/etc/shadow'); }, close() {} };
        case 'made/liar': return { size: 500, read: () => new Uint8Array(5), close() {} };
        case 'made/by-options': return Buffer.from([...request.tftp.options].join(' '));
      }
    },
  }),
});

export default defineConfig({
  rootDir: 'ROOT',
  stableMs: 0,
  tftp: {
    listen: [{ address: '127.0.0.1', port: 0 }],
    mtu: { '127.0.0.4/31': 1000 },
    limits: { windowSize: 16, blockSize: 1468, options: 6, optionBytes: 20, nameBytes: 60 },
  },
  plugins: [
    identify({ table: { '127.0.0.2': '52:54:00:12:34:56', '127.0.0.3': '52:54:00:aa:bb:cc' }, filename: true }),
    rewrite([{ match: /^boot\\//i, replace: '' }, { match: 'escape', replace: '../secret' }]),
    made(),
    hosts({
      '52:54:00:12:34:56': { files: { 'loader.efi': 'ipxe/snponly.efi', 'lost.efi': 'ipxe/lost.efi' }, folder: 'hosts/web1' },
      '52:54:00:*': { folder: 'hosts/lab' },
      '127.0.0.4': { folder: 'hosts/four' },
    }),
  ],
});
`;

/** `web1` and `lab` have a MAC address by the table, `four` an entry of its own by address, `plain` nothing. */
const from = { plain: '127.0.0.1', web1: '127.0.0.2', lab: '127.0.0.3', four: '127.0.0.4' };

interface Row {
  readonly name: string;
  readonly who?: keyof typeof from;
  readonly mode?: 'netascii';
  readonly options?: Options;
}

const rows: readonly Row[] = [
  { name: 'plain' },
  { name: 'plain', options: { tsize: 0, blksize: 1468, windowsize: 64, timeout: 3 } },
  { name: 'plain', who: 'four', options: { tsize: 0, blksize: 1468, windowsize: 64 } },
  { name: 'plain', options: { TSIZE: 0, BlkSize: 65464, rollover: 1, multicast: '' } },
  { name: 'plain', options: { blksize: 7, windowsize: 0, timeout: 256, tsize: -1 } },
  { name: 'plain', options: { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, blksize: 1024 } },
  { name: 'plain', options: { blksize: '0'.repeat(30), tsize: 0 } },
  { name: 'plain', mode: 'netascii', options: { tsize: 0, blksize: 600 } },
  { name: 'lines', mode: 'netascii', options: { tsize: 0 } },
  { name: 'large', options: { tsize: 0, blksize: 1400, windowsize: 9 } },
  { name: 'large', mode: 'netascii', options: { tsize: 0, blksize: 1400 } },
  { name: 'empty', options: { tsize: 0 } },
  { name: 'empty', options: { tsize: 0, blksize: 512 } },
  { name: 'loader.efi' },
  { name: 'loader.efi', who: 'web1', options: { tsize: 0 } },
  { name: 'loader.efi', who: 'lab' },
  { name: 'lost.efi', who: 'web1' },
  { name: 'boot.ipxe' },
  { name: 'boot.ipxe', who: 'web1' },
  { name: 'boot.ipxe', who: 'lab' },
  { name: 'boot.ipxe', who: 'four' },
  { name: '\\BOOT\\boot.ipxe', who: 'web1' },
  { name: '//boot//plain' },
  { name: 'pxelinux.cfg/01-52-54-00-12-34-56' },
  { name: 'escape' },
  { name: '../secret' },
  { name: 'link' },
  { name: 'folder' },
  { name: 'absent' },
  { name: 'x'.repeat(61) },
  { name: 'with\x1bescape' },
  { name: 'who' },
  { name: 'made/bytes', who: 'web1', options: { tsize: 0 } },
  { name: 'made/size-known', options: { tsize: 0, blksize: 1400, windowsize: 8 } },
  { name: 'made/size-unknown', options: { tsize: 0, blksize: 1400, windowsize: 8 } },
  { name: 'made/short-unknown', options: { tsize: 0, blksize: 1400 } },
  { name: 'made/empty', options: { tsize: 0, blksize: 1400 } },
  { name: 'made/name' },
  { name: 'made/escape' },
  { name: 'made/nowhere' },
  { name: 'made/refused' },
  { name: 'made/broken' },
  { name: 'made/unreadable' },
  { name: 'made/liar' },
  { name: 'made/by-options', options: { a: 1, B: 2, c: 3, d: 4, e: 5, f: 6, g: 7 } },
];

test('library, command line and wire agree, row by row', async () => {
  const at = folder();
  const file = at.put('pxe.config.ts', config);
  at.put('secret', 'outside');
  at.put('ROOT/plain', 'plain\n');
  at.put('ROOT/lines', 'one\ntwo\r\nthree\r');
  at.put('ROOT/large', 'line\n'.repeat(30_000));
  at.put('ROOT/empty', '');
  at.put('ROOT/loader.efi', 'for all');
  at.put('ROOT/ipxe/snponly.efi', 'snponly');
  at.put('ROOT/boot.ipxe', 'for all');
  at.put('ROOT/hosts/web1/boot.ipxe', 'for web1');
  at.put('ROOT/hosts/lab/boot.ipxe', 'for the lab');
  at.put('ROOT/hosts/four/boot.ipxe', 'for number four');
  at.put('ROOT/pxelinux.cfg/01-52-54-00-12-34-56', 'by name');
  mkdirSync(join(at.root, 'folder'));
  symlinkSync('../secret', join(at.root, 'link'));
  const { config: loaded } = await load({ file, folder: at.path, clock: systemClock });
  const log: LogLine[] = [];
  const server = createResolvedServer(loaded, { log: keepingLog(log) });
  onTestFinished(() => server.stop(0));
  await server.start();
  const address = server.addresses[0]!;

  const queue = rows.entries();
  const worker = async () => {
    for (const [index, row] of queue) {
      const told = await server.explain(questionOf(row));
      const wire = await onTheWire(server, address, row);
      const label = `row ${index}: ${JSON.stringify(row)}`;
      expect({ ...answerOf(told), label }).toEqual({ ...wire, label });
      // The same code behind other flags, and half a second each: every third will do.
      if (index % 3 === 1) {
        const [printed, code] = await byCommandLine(row, file);
        expect(comparable(printed), label).toEqual(comparable(told));
        expect(code, label).toBe(told.error ? 1 : 0);
      }
      // A table of nothing but errors would agree, too.
      if (row.name.startsWith('plain')) expect(wire.served, label).toBe('plain');
    }
  };
  await Promise.all(Array.from({ length: 3 }, worker));
  expect(rows.length).toBeGreaterThan(40);
}, 60_000);

function questionOf({ name, who = 'plain', mode = 'octet' as never, options = {} }: Row) {
  return {
    name,
    address: from[who],
    mode,
    options: Object.entries(options).map(([name, value]) => ({ name, value: String(value) })),
  };
}

/** What a client can tell of an answer, beside what the server's event says was served. */
interface Answer {
  readonly served: string | undefined;
  readonly mac: string | undefined;
  readonly macSource: string | undefined;
  readonly name: string;
  readonly agreed: readonly (readonly [string, string])[];
  readonly error: { readonly code: number; readonly message: string } | undefined;
}

function answerOf({ served, client, name, agreed, error }: Explanation): Answer {
  return {
    served: served?.from,
    mac: client.mac,
    macSource: client.macSource,
    name,
    agreed: agreed.map(({ name, value }) => [name, value] as const),
    error,
  };
}

async function onTheWire(server: ReturnType<typeof createResolvedServer>, address: Address, row: Row): Promise<Answer> {
  const { name, who = 'plain', mode = 'octet', options = {} } = row;
  const ends: Parameters<typeof server.on<'end'>>[1] extends (summary: infer S) => void ? S[] : never = [];
  const note = (summary: (typeof ends)[number]) => void ends.push(summary);
  server.on('end', note);
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const got: Got = await get(address, name, { local: from[who], port, mode, options });
  const end = await until(() => ends.find(({ request }) => request.client.port === port), `end of ${name}`);
  server.off('end', note);
  const error = got.error && { code: got.error.code, message: got.error.message };
  return {
    // Of a file that was found and could not be read the end tells, the explanation does not.
    served: error ? undefined : end.served,
    mac: end.request.client.mac,
    macSource: end.request.client.macSource,
    name: end.request.name,
    agreed: Object.entries(got.agreed ?? {}),
    error,
  };
}

async function byCommandLine({ name, who = 'plain', mode = 'octet' as never, options = {} }: Row, file: string) {
  const flags = Object.entries(options).flatMap(([name, value]) => ['--option', `${name}=${value}`]);
  const ran = await pxe(['explain', name, '--ip', from[who], '--mode', mode, ...flags, '--config', file, '--json']);
  expect(ran.stderr).toBe('');
  return [JSON.parse(ran.stdout) as Explanation, ran.code] as const;
}

/** As JSON has it, but for times. */
function comparable(explanation: Explanation): unknown {
  const trace = explanation.trace.map((entry) => ({ ...entry, ms: 0 }));
  return JSON.parse(JSON.stringify({ ...explanation, trace }));
}

describe('explain as a library has it', () => {
  const served = async (question: Question) => {
    const at = folder();
    at.put('ROOT/boot.ipxe', 'for anybody');
    at.put('ROOT/web1/boot.ipxe', 'for web1');
    const plugins = [hosts({ '52:54:00:12:34:56': { folder: 'web1' } })];
    return explainConfig({ rootDir: './ROOT', stableMs: 0, plugins }, question, { dir: at.path });
  };

  test('needs no server', async () => {
    const asked = { name: 'boot.ipxe', address: '127.0.0.9' };
    expect((await served(asked)).served?.from).toBe('boot.ipxe');
    expect((await served({ ...asked, mac: '52-54-00-12-34-56' })).served?.from).toBe('web1/boot.ipxe');
    expect((await served({ ...asked, name: 'absent' })).error).toEqual({ code: 1, message: 'file not found' });
  });

  test('rejects a config that cannot be used', async () => {
    await expect(explainConfig({ rootDir: 5 as never }, { name: 'x', address: '127.0.0.9' })).rejects.toThrow(ConfigError);
  });
});
