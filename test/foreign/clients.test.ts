/**
 * Debian's TFTP clients against the server as a user runs it: all that each can ask for, in both directions, over both
 * families, at every size near a block border. All of it over the native transport; a sample over the portable one.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, type Served, serve } from '../kit/serve.ts';
import { describeWith, requireIpv6, requireTools } from '../kit/tools.ts';
import { blocksAfterRepeatedAck, capture, wireText } from './capture.ts';
import {
  type Asked,
  blockSizes,
  clients,
  directions,
  everything,
  type ForeignClient,
  families,
  loopback,
  type Mode,
  modes,
  windowSizes,
} from './clients.ts';
import { binary, type Payload, text } from './payload.ts';
import { each, run } from './run.ts';

/** Client processes at once. */
const concurrency = 8;
const largeBytes = 3_000_017;
const largeBytesInSmallBlocks = 530_009;
/** 66,407 blocks of 512 bytes. */
const rolloverBytes = 34_000_017;
const sparseBytes = 5 * 1024 ** 3;

/** All files of the matrix by name, made when the cases are. */
const payloads = new Map<string, Payload>();

/** One transfer: `name` is the file in the root (get), or the file that the client sends (put). */
interface Case extends Asked {
  readonly size: string;
  readonly name: string;
  readonly payload: Payload;
}

const needs = [...requireTools(...clients.map(({ name }) => name)), requireIpv6()];

describeWith('foreign clients', needs, () => {
  /** Values that were exercised with success: `get blksize 8`. */
  const exercised = new Set<string>();
  let folder: string;
  let server: Served;
  let serial = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pxe-foreign-'));
    for (const name of ['root', 'uploads', 'client']) await mkdir(join(folder, name));
    for (const [name, { content, wire }] of payloads) {
      await writeFile(join(folder, 'root', name), content);
      await writeFile(join(folder, 'client', name), content);
      await writeFile(join(folder, 'client', `${name}.wire`), wire);
    }
    const port = await freePort();
    server = await start('native', port);
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  describe('ask for what the table says', () => {
    for (const client of clients) {
      test(client.name, async () => {
        const asked = directions.flatMap((direction) => families.flatMap((family) => everything(client, direction, family)));
        const wrong = await each(asked, concurrency, async (one) => {
          const local = join(folder, 'client', one.direction === 'get' ? `captured-${serial++}` : 'text-512-b');
          const { wire, output } = await capture(one.family, (port) => client.command({ ...one, port, local, remote: 'x' }));
          const want = { opcode: directions.indexOf(one.direction) + 1, mode: one.mode, options: client.wire(one) };
          const { blksize, windowsize } = wire?.options ?? {};
          const options = { ...(blksize && { blksize }), ...(windowsize && { windowsize }) };
          const got = wire && { opcode: wire.opcode, mode: wire.mode, options };
          return JSON.stringify(got) === JSON.stringify(want) ? [] : [`${label(one)}: ${JSON.stringify(got)} ${output}`];
        });
        expect(wrong.flat()).toEqual([]);
      });

      for (const { what, reason, attempt, shows } of client.cannot) {
        test(`${client.name} cannot ask for ${what}: ${reason}`, async () => {
          const command = (port: number) => attempt.map((word) => word.replace('PORT', String(port)));
          const { wire, output } = await capture('IPv4', command);
          expect(`${wire ? wireText(wire) : 'asks nothing'}\n${output}`).toMatch(shows);
        });
      }
    }
  });

  test('atftp spoils a text that it sends when an ACK comes twice, and nothing else', async () => {
    const local = join(folder, 'client', 'spoilt');
    // In a block of 8 bytes the CR of the line end is the last one.
    await writeFile(local, 'abcdefg\nhijklmnopq\n');
    const spoils = async (mode: Mode) => {
      const asked: Asked = { direction: 'put', family: 'IPv4', mode, blockSize: 8, windowSize: 1 };
      const atftp = clients.find(({ name }) => name === 'atftp')!;
      const blocks = await blocksAfterRepeatedAck((port) => atftp.command({ ...asked, port, local, remote: 'x' }));
      expect(blocks).toHaveLength(2);
      return blocks[0] !== blocks[1];
    };
    expect({ octet: await spoils('octet'), netascii: await spoils('netascii') }).toEqual({ octet: false, netascii: true });
  });

  for (const client of clients) {
    for (const direction of directions) {
      for (const family of families) {
        const cases = everything(client, direction, family).flatMap(casesOf);
        test(`${client.name}: ${direction} over ${family}, transfers: ${cases.length}`, { timeout: 600_000 }, async () => {
          const outcomes = await each(cases, concurrency, async (one) => ({ one, failure: await failureOf(client, one) }));
          const failures: string[] = [];
          for (const { one, failure } of outcomes) {
            // Once more, with the machine for itself.
            let latest = failure;
            for (let left = client.frail?.(one) ? 2 : 0; latest !== undefined && left > 0; left--)
              latest = await failureOf(client, one);
            if (latest !== undefined) failures.push(latest);
          }
          expect(failures).toEqual([]);
        });
      }
    }
  }

  test('every value of every dimension was exercised in both directions', () => {
    const values = [
      ...modes.map((mode) => `mode ${mode}`),
      ...blockSizes.map((blockSize) => `blksize ${blockSize}`),
      ...windowSizes.map((windowSize) => `windowsize ${windowSize}`),
      ...families.map((family) => `family ${family}`),
      ...['0', '1', 'b-1', 'b', 'b+1', 'large'].map((size) => `size ${size}`),
    ];
    expect([...exercised].sort()).toEqual(
      directions.flatMap((direction) => values.map((value) => `${direction} ${value}`)).sort(),
    );
  });

  describe('over the portable transport', () => {
    let portable: Served;
    beforeAll(async () => {
      portable = await start('portable', await freePort());
    }, 60_000);
    afterAll(() => portable?.stop());

    test.each(
      clients.flatMap((client) => directions.map((direction) => ({ client, direction }))),
    )('$client.name: $direction, a sample', async ({ client, direction }) => {
      const asked = families.flatMap((family) => sample(everything(client, direction, family)));
      const cases = asked.flatMap(casesOf).filter(({ size }) => size === 'b' || size === 'large');
      const failures = await each(cases, concurrency, (one) => failureOf(client, one, portable.port));
      expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
    });

    test('which has taken none of it for an error', () => {
      expect(portable.log.filter(({ level }) => level >= 50)).toEqual([]);
      expect(portable.noise).toEqual([]);
    });
  });

  describe('pass 65,535 blocks of 512 bytes', () => {
    const name = 'rollover';
    let payload: Payload;
    beforeAll(async () => {
      payload = binary(rolloverBytes);
      await writeFile(join(folder, 'root', name), payload.content);
      await writeFile(join(folder, 'client', name), payload.content);
    });

    test.each(
      clients.flatMap((client) => directions.map((direction) => ({ client, direction }))),
    )('$client.name: $direction', async ({ client, direction }) => {
      const asked: Asked = { direction, family: 'IPv4', mode: 'octet', blockSize: 512, windowSize: 1 };
      expect(await failureOf(client, { ...asked, size: 'rollover', name, payload })).toBe(undefined);
    });
  });

  describe('a sparse file of 5 GiB', () => {
    beforeAll(async () => {
      const file = await open(join(folder, 'root', 'sparse'), 'w');
      await file.truncate(sparseBytes);
      await file.close();
    });

    test.each(families)('has its true tsize over %s', async (family) => {
      const socket = createSocket(family === 'IPv4' ? 'udp4' : 'udp6');
      try {
        const request = Buffer.from('\0\x01sparse\0octet\0tsize\x000\0blksize\x001468\0', 'latin1');
        const answered = once(socket, 'message', { signal: AbortSignal.timeout(5000) });
        socket.send(request, server.port, loopback[family]);
        const [message, from] = (await answered) as [Buffer, { port: number; address: string }];
        socket.send(Buffer.from('\0\x05\0\x08enough\0', 'latin1'), from.port, from.address);
        expect(message.toString('latin1')).toBe(`\0\x06tsize\0${sparseBytes}\0blksize\x001468\0`);
      } finally {
        socket.close();
      }
    });

    test('has its true tsize for curl, which reads on', async () => {
      const url = `tftp://127.0.0.1:${server.port}/sparse`;
      const { output } = await run(['curl', '--verbose', '--max-time', '1', '--output', '/dev/null', url], 10_000);
      expect(output).toContain(`tsize parsed from OACK (${sparseBytes})`);
    });
  });

  test('the server has taken none of it for an error', async () => {
    expect(server.log.filter(({ level }) => level >= 50)).toEqual([]);
    expect(server.noise).toEqual([]);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  async function start(transport: 'native' | 'portable', port: number): Promise<Served> {
    const file = join(folder, `${transport}.config.ts`);
    await writeFile(file, config(transport, port));
    return await serve({ flags: ['--config', file], listeners: 2, cwd: folder });
  }

  /** Makes one transfer; says what was wrong with it. */
  async function failureOf(client: ForeignClient, one: Case, port = server.port): Promise<string | undefined> {
    const { direction, mode, name, payload } = one;
    const plain = mode === 'octet' || client.translates;
    const id = `${direction}-${serial++}`;
    const local = join(folder, 'client', direction === 'get' ? id : plain ? name : `${name}.wire`);
    const remote = direction === 'get' ? name : id;
    const command = client.command({ ...one, port, local, remote });
    const { exit, output, durationMs } = await run(command, limitMs(one));
    const arrived = direction === 'get' ? local : join(folder, 'uploads', id);
    const bytes = await readFile(arrived).catch(() => undefined);
    await rm(arrived, { force: true });
    const expected = direction === 'get' && !plain ? payload.wire : payload.content;
    const problem = exit !== 0 ? `exit ${exit}: ${output.trim().slice(-200)}` : difference(bytes, expected);
    if (problem === undefined) for (const value of valuesOf(one)) exercised.add(`${direction} ${value}`);
    return problem && `${client.name} ${label(one)}: ${problem} (${Math.round(durationMs)} ms)`;
  }
});

/** Both address families on one port; what comes up goes beside the root, so that no upload is ever served. */
function config(transport: string, port: number): string {
  return `import { defineConfig } from 'pxe';
import { accessLog } from 'pxe/plugins';

export default defineConfig({
  rootDir: './root',
  tftp: {
    transport: '${transport}',
    listen: [
      { address: '127.0.0.1', port: ${port} },
      { address: '::1', port: ${port} },
    ],
    limits: { windowSize: 64 },
  },
  uploads: { dir: './uploads', maxBytes: 64 * 1024 ** 2, overwrite: true },
  limits: { stopMs: 1000 },
  plugins: [accessLog()],
});
`;
}

/**
 * 3 MB, but in blocks of 8 bytes: 375,003 of them take a lockstep client many seconds, and show nothing that the 66,252 blocks
 * of the shorter file, which roll over once, do not. One transfer in each direction is of full length there, too.
 */
function largeBytesOf({ mode, family, blockSize, windowSize }: Asked): number {
  const full = blockSize !== 8 || (mode === 'octet' && family === 'IPv4' && windowSize === 64);
  return full ? largeBytes : largeBytesInSmallBlocks;
}

/** In octet mode, one window and one block size of each client's: different ones where it has more. */
function sample(all: readonly Asked[]): readonly Asked[] {
  const octet = all.filter(({ mode, blockSize }) => mode === 'octet' && blockSize >= 512);
  return [octet[0]!, octet[Math.floor(octet.length / 2)]!, octet.at(-1)!];
}

/** What is asked for, at each size near a block border and at one far from it. */
function casesOf(asked: Asked): readonly Case[] {
  const { mode, blockSize: block } = asked;
  const sizes = [
    { size: '0', bytes: 0, ending: 'ab' },
    { size: '1', bytes: 1, ending: 'ab' },
    { size: 'b-1', bytes: block - 1, ending: 'ab' },
    { size: 'b', bytes: block, ending: '\r' },
    { size: 'b+1', bytes: block + 1, ending: '\n' },
  ] as const;
  const near = sizes.map(({ size, bytes, ending }): Case => {
    const name = mode === 'octet' ? `binary-${bytes}` : `text-${block}-${size}`;
    return { ...asked, size, name, payload: payloadOf(name, () => (mode === 'octet' ? binary(bytes) : text(bytes, ending))) };
  });
  const bytes = largeBytesOf(asked);
  const name = `large-${mode}-${bytes}`;
  const payload = payloadOf(name, () => (mode === 'octet' ? binary(bytes) : text(bytes, 'ab')));
  return [...near, { ...asked, size: 'large', name, payload }];
}

function payloadOf(name: string, make: () => Payload): Payload {
  const payload = payloads.get(name) ?? make();
  payloads.set(name, payload);
  return payload;
}

/** Ample for lockstep in small blocks on a slow machine, yet the end of a client that hangs. */
function limitMs({ blockSize, payload }: Case): number {
  return Math.round(20_000 + (payload.wire.length / blockSize) * 0.4);
}

function valuesOf({ mode, blockSize, windowSize, family, size }: Case): readonly string[] {
  const values = [`mode ${mode}`, `blksize ${blockSize}`, `windowsize ${windowSize}`, `family ${family}`];
  return size === 'rollover' ? values : [...values, `size ${size}`];
}

function label(asked: Asked & { readonly size?: string }): string {
  const { direction, family, mode, blockSize, windowSize, size } = asked;
  const options = `${direction} ${family} ${mode} blksize ${blockSize} windowsize ${windowSize}`;
  return size === undefined ? options : `${options} size ${size}`;
}

function difference(got: Uint8Array | undefined, expected: Uint8Array): string | undefined {
  if (got === undefined) return 'nothing arrived';
  if (Buffer.compare(got, expected) === 0) return undefined;
  const at = expected.findIndex((byte, index) => got[index] !== byte);
  return `${got.length} bytes of ${expected.length}, the first difference at ${at === -1 ? expected.length : at}`;
}
