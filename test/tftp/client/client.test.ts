/** The driver over real sockets on loopback, against the Engine behind the portable transport. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { bytesContent } from '../../../src/content/bytes.ts';
import type { Content } from '../../../src/content/content.ts';
import { Stats } from '../../../src/stats/stats.ts';
import { type ClientOptions, download, upload } from '../../../src/tftp/client/client.ts';
import { ClientError } from '../../../src/tftp/client/error.ts';
import { PortableTransport } from '../../../src/tftp/transport/portable.ts';
import { join } from '../../kit/hosts.ts';
import { ENGINE_LIMITS, TRANSFER_LIMITS } from '../../kit/limits.ts';
import { MemoryService } from '../../kit/memory-service.ts';
import { seeded } from '../../kit/random.ts';
import { requireIpv6 } from '../../kit/tools.ts';

const files = new Map<string, Uint8Array>();
const service = new MemoryService(TRANSFER_LIMITS, (name) => files.get(name));
const { stored } = service;
let transport: PortableTransport;
let base: string;

beforeAll(async () => {
  transport = new PortableTransport({
    clock: systemClock,
    random: Math.random,
    limits: ENGINE_LIMITS,
    counters: new Stats(),
    events: service.events,
  });
  const listening = await transport.listen({ address: '127.0.0.1', port: 0 }, { singlePort: false, transferPorts: undefined });
  base = `tftp://127.0.0.1:${listening.addresses[0]!.port}`;
});

afterAll(async () => {
  for (const exchange of service.unanswered) exchange.refuse(0, 'closed');
  await transport.close({ code: 0, message: 'closed' });
  expect(service.faults).toEqual([]);
});

async function fetch(name: string, options?: ClientOptions) {
  const pieces: Uint8Array[] = [];
  const result = await download(`${base}/${name}`, (bytes) => void pieces.push(bytes), options);
  return { result, bytes: join(pieces) };
}

const FAILURE = async (promise: Promise<unknown>): Promise<ClientError> => {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(ClientError);
  return error as ClientError;
};

describe.each<[string, ClientOptions]>([
  ['no options', { transferSize: false }],
  ['blocks of 1468 bytes', { blockSize: 1468 }],
  ['windows of 16', { blockSize: 8192, windowSize: 16, timeoutSeconds: 2, rollover: 1 }],
  ['the largest blocks', { blockSize: 65464, windowSize: 4 }],
])('%s', (_, options) => {
  test.each([0, 1, 511, 512, 513, 65536, 300_000])('%i bytes there and back', async (size) => {
    const bytes = seeded(size).bytes(size);
    let closed = 0;
    const source: Content = { ...bytesContent(bytes), close: () => void closed++ };
    const sent = await upload(`${base}/up`, source, options);
    expect(stored.get('up')).toEqual(bytes);
    expect(closed).toBe(1);
    expect(sent.bytes).toBe(size);
    files.set('down', bytes);
    const { result, bytes: received } = await fetch('down', options);
    expect(received).toEqual(bytes);
    expect(result).toMatchObject({ bytes: size, agreement: { blockSize: options.blockSize ?? 512 } });
    expect(result.agreement.announcedSize).toBe(options.transferSize === false || size === 0 ? undefined : size);
    expect(result.server.address).toBe('127.0.0.1');
  });
});

test('IPv6, however its address is spelt', async () => {
  const listening = await transport.listen({ address: '::1', port: 0 }, { singlePort: true, transferPorts: undefined });
  files.set('six', seeded(6).bytes(5000));
  const pieces: Uint8Array[] = [];
  const url = `tftp://[0:0:0:0:0:0:0:1]:${listening.addresses[0]!.port}/six`;
  await download(url, (bytes) => void pieces.push(bytes), { blockSize: 1000 });
  expect(join(pieces)).toEqual(files.get('six'));
  listening.close();
});

test('netascii is translated both ways, across the borders of pieces', async () => {
  const text = Uint8Array.from({ length: 200_000 }, (_, i) => (i % 3 === 0 ? 10 : i % 7 === 0 ? 13 : 65));
  const { bytes } = await upload(`${base}/text`, bytesContent(text), { mode: 'netascii', blockSize: 1000, windowSize: 4 });
  const wire = stored.get('text')!;
  expect(wire.length).toBe(bytes);
  expect(wire.length).toBeGreaterThan(text.length);
  files.set('text', wire);
  expect((await fetch('text', { mode: 'netascii', blockSize: 1000 })).bytes).toEqual(text);
});

test('progress ends with everything', async () => {
  files.set('f', seeded(1).bytes(100_000));
  const told: unknown[] = [];
  await fetch('f', { blockSize: 1468, onProgress: (progress) => told.push(progress) });
  expect(told.at(-1)).toEqual({ bytes: 100_000, total: 100_000 });
});

test('a slow sink slows the server down, and gets its bytes one call after the other', async () => {
  files.set('f', seeded(1).bytes(2_000_000));
  let running = 0;
  let size = 0;
  const { bytes } = await download(
    `${base}/f`,
    async (piece) => {
      expect(++running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      size += piece.length;
    },
    { blockSize: 8192, windowSize: 8 },
  );
  expect(size).toBe(bytes);
  expect(bytes).toBe(2_000_000);
});

describe('failures', () => {
  test('an ERROR of the server', async () => {
    expect(await FAILURE(fetch('absent'))).toMatchObject({ kind: 'error', code: 1, message: 'file not found' });
  });

  test('silence', async () => {
    const error = await FAILURE(fetch('never', { limits: { idleMs: 60, minTimeoutMs: 10, maxTimeoutMs: 20 } }));
    expect(error).toMatchObject({ kind: 'timeout', code: undefined });
  });

  test('a sink that fails: the server is told', async () => {
    files.set('f', seeded(1).bytes(2_000_000));
    service.endings.length = 0;
    let calls = 0;
    const error = await FAILURE(
      download(`${base}/f`, () => {
        calls++;
        throw new Error('no room');
      }),
    );
    expect(error).toMatchObject({ kind: 'local', message: 'no room', cause: new Error('no room') });
    expect(calls).toBe(1);
    await expect.poll(() => service.endings.map(({ outcome }) => outcome)).toEqual(['aborted']);
  });

  test('a source that fails, or ends before its size', async () => {
    let closed = 0;
    const close = () => void closed++;
    const broken: Content = {
      size: 100,
      read: () => {
        throw new Error('bad disk');
      },
      close,
    };
    expect(await FAILURE(upload(`${base}/x`, broken))).toMatchObject({ kind: 'local', message: 'bad disk' });
    const short: Content = { size: 100, read: () => new Uint8Array(50), close };
    expect(await FAILURE(upload(`${base}/x`, short))).toMatchObject({ kind: 'local', message: 'the file ended early' });
    expect(closed).toBe(2);
    expect(stored.has('x')).toBe(false);
  });

  test.each([0, 20])('an abort after %i ms', async (ms) => {
    files.set('f', seeded(1).bytes(50_000_000));
    const signal = ms === 0 ? AbortSignal.abort(new Error('enough')) : AbortSignal.timeout(ms);
    const error = await FAILURE(fetch('f', { signal }));
    expect(error).toMatchObject({ kind: 'local', message: 'aborted', cause: signal.reason });
  });

  test('an address that does not exist, or cannot be reached', async () => {
    expect(await FAILURE(download('tftp://nowhere.invalid/x', () => {}))).toMatchObject({ kind: 'local' });
    expect(await FAILURE(download('tftp://255.255.255.255/x', () => {}))).toMatchObject({ kind: 'local' });
    expect(await FAILURE(fetch('f', { localAddress: '192.0.2.1' }))).toMatchObject({ kind: 'local' });
  });
});

describe('a port where nothing listens', () => {
  test.each(['127.0.0.1', ...(requireIpv6().met ? ['[::1]'] : [])])('is told at once: %s', async (host) => {
    const closed = createSocket(host.startsWith('[') ? 'udp6' : 'udp4').bind(0, host.replace(/[[\]]/g, ''));
    await once(closed, 'listening');
    const { port } = closed.address();
    closed.close();
    const failure = await FAILURE(download(`tftp://${host}:${port}/x`, () => {}));
    expect(failure).toMatchObject({ kind: 'refused', message: `nothing listens on UDP port ${port}` });
  });

  test('and a silent one is waited for', async () => {
    const failure = await FAILURE(fetch('never', { limits: { idleMs: 300 } }));
    expect(failure.kind).toBe('timeout');
  });

  test('clients at the same time have ports of their own', async () => {
    files.set('many', seeded(1).bytes(100_000));
    const results = await Promise.all(Array.from({ length: 50 }, () => fetch('many', { blockSize: 1468 })));
    for (const { bytes } of results) expect(bytes).toEqual(files.get('many'));
  });
});
