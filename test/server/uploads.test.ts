/** FIELD.md §4.9: uploads that are aborted, repeated, too large, onto what exists, or given up leave nothing and harm nothing. */
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/index.ts';
import { fastClock, folder, lab, until } from '../kit/lab.ts';
import { seeded } from '../kit/random.ts';
import { ack, data, error, get, isAck, isError, type Options, Peer, put, putBy, type Reply, wrq } from '../kit/tftp.ts';

const bytes = seeded(9).bytes(300_000);
const full = { code: 3, message: 'disk full or allocation exceeded' };
const exists = { code: 6, message: 'file already exists' };
const violation = { code: 2, message: 'access violation' };

/** `up` for uploads, beside the root, with a file, a folder and links in it. */
async function uploadLab(uploads: Partial<Config['uploads']> & object = {}, config: Config = {}) {
  const at = folder();
  at.put('up/old', 'old');
  mkdirSync(join(at.path, 'up/sub'));
  at.put('outside/old', 'outside');
  symlinkSync('../outside', join(at.path, 'up/away'));
  symlinkSync('../outside/old', join(at.path, 'up/link'));
  const started = await lab({ uploads: { dir: 'up', ...uploads }, ...config }, at);
  const before = started.tree();
  /** Nothing has come, nothing has changed, nobody is left. */
  const expectNothing = async () => {
    await until(async () => (await started.server.exchanges()).length === 0, 'end of all transfers');
    expect(started.tree()).toEqual(before);
    expect(readFileSync(join(at.path, 'up/old'), 'utf8')).toBe('old');
    expect(readFileSync(join(at.path, 'outside/old'), 'utf8')).toBe('outside');
  };
  return { ...started, expectNothing };
}

/** Starts an upload by hand; returns the socket and the server's port once it has acknowledged so many blocks. */
async function upTo(blocks: number, address: { address: string; port: number }, name = 'new', options: Options = {}) {
  const peer = await Peer.open();
  peer.send(address, wrq(name, 'octet', options));
  let reply: Reply & { from: { address: string; port: number } } = await peer.reply();
  for (let block = 1; block <= blocks; block++) {
    peer.send(reply.from, data(block, bytes.subarray((block - 1) * 512, block * 512)));
    reply = await peer.find(isAck(block));
  }
  return { peer, from: reply.from, reply };
}

test.each<[what: string, options: Options]>([
  ['without options', {}],
  ['with a window', { blksize: 1428, windowsize: 8, tsize: bytes.length }],
  ['in tiny blocks', { blksize: 8192, windowsize: 1, timeout: 2 }],
])('an upload is stored before its last ACK: %s', async (_what, options) => {
  const { address, path, end, tree } = await uploadLab();
  expect(await put(address, 'sub/deeper/new', bytes, { options, retryMs: 5000 })).toMatchObject({ error: undefined, retries: 0 });
  expect(readFileSync(join(path, 'up/sub/deeper/new')).equals(bytes)).toBe(true);
  expect(tree('up').filter((name) => name.includes('.pxe-upload'))).toEqual([]);
  expect(await end()).toMatchObject({ outcome: 'completed', bytes: bytes.length, request: { kind: 'write' } });
});

test('without the key `uploads` every upload is refused', async () => {
  const at = await lab();
  const before = at.tree();
  for (const name of ['new', '../new', 'old']) {
    expect((await put(at.address, name, bytes)).error).toMatchObject({ code: 2 });
  }
  expect(at.tree()).toEqual(before);
});

describe('leaves nothing', () => {
  test.each<[what: string, farewell: Buffer]>([
    ['ERROR 0', error(0, 'stop')],
    ['ERROR 3 without text', Buffer.from([0, 5, 0, 3])],
    ['half an ERROR', Buffer.from([0, 5])],
  ])('aborted by %s in its middle', async (_what, farewell) => {
    const { address, tree, end, expectNothing } = await uploadLab();
    const { peer, from } = await upTo(300, address);
    // More than one chunk has been written by now.
    expect(tree('up').filter((name) => name.startsWith('.pxe-upload'))).toHaveLength(1);
    peer.send(from, farewell);
    expect(await end()).toMatchObject({ outcome: 'aborted' });
    await expectNothing();
    await peer[Symbol.asyncDispose]();
  });

  test('aborted before its first block', async () => {
    const { address, end, expectNothing } = await uploadLab();
    const { peer, from } = await upTo(0, address);
    peer.send(from, error(0, 'changed my mind'));
    await end();
    await expectNothing();
    await peer[Symbol.asyncDispose]();
  });

  test('given up in its middle', async () => {
    const { address, end, expectNothing } = await uploadLab({}, { tftp: { limits: { idleMs: 600 } } });
    const { peer } = await upTo(3, address);
    expect(await end()).toMatchObject({ outcome: 'failed', bytes: 1536, error: { message: 'no answer from the client' } });
    await expectNothing();
    await peer[Symbol.asyncDispose]();
  });

  test('given up before its first block', async () => {
    const at = folder();
    mkdirSync(join(at.path, 'up'));
    const { address, end, tree } = await lab({ uploads: { dir: 'up' } }, at, { clock: fastClock(50) });
    const { peer } = await upTo(0, address);
    expect(tree('up')).toHaveLength(1);
    expect(await end()).toMatchObject({ outcome: 'failed' });
    expect(tree('up')).toEqual([]);
    await peer[Symbol.asyncDispose]();
  });

  test('too large by its own claim: refused before anything is written', async () => {
    const { address, end, expectNothing } = await uploadLab({ maxBytes: 1000 });
    for (const tsize of ['1001', '999999999999', String(Number.MAX_SAFE_INTEGER)]) {
      expect((await put(address, 'new', bytes, { options: { tsize } })).error).toMatchObject(full);
    }
    expect(await end()).toMatchObject({ outcome: 'refused', bytes: 0 });
    await expectNothing();
  });

  test.each<[what: string, size: number, options: Options]>([
    ['by a byte', 100_001, {}],
    ['by far', 300_000, { blksize: 8192, windowsize: 16 }],
    ['whatever it claims', 300_000, { tsize: 5 }],
  ])('too large in fact: %s', async (_what, size, options) => {
    const { address, end, expectNothing } = await uploadLab({ maxBytes: 100_000 });
    expect((await put(address, 'new', bytes.subarray(0, size), { options })).error).toMatchObject(full);
    expect(await end()).toMatchObject({ outcome: 'failed' });
    await expectNothing();
  });

  test.each<[name: string, overwrite: boolean, expected: object]>([
    ['old', false, exists],
    ['link', false, exists],
    ['sub', false, exists],
    ['sub', true, violation],
    ['old/new', true, violation],
    ['away/new', true, violation],
    ['away/old', true, violation],
    ['../outside/old', true, violation],
    ['..\\new', true, violation],
    ['.pxe-upload-x', true, violation],
  ])('onto %j (overwrite %s)', async (name, overwrite, expected) => {
    const { address, expectNothing } = await uploadLab({ overwrite });
    const { error } = await put(address, name, bytes.subarray(0, 700));
    expect(error).toMatchObject(expected);
    await expectNothing();
  });

  test('onto a name that somebody else takes meanwhile', async () => {
    const { address, put: write, end, tree, path } = await uploadLab();
    const { peer, from } = await upTo(1, address, 'late');
    write('up/late', 'first');
    peer.send(from, data(2, new Uint8Array(3)));
    expect(await peer.find(isError)).toMatchObject(exists);
    expect(await end()).toMatchObject({ outcome: 'failed' });
    expect(readFileSync(join(path, 'up/late'), 'utf8')).toBe('first');
    expect(tree('up').filter((name) => name.includes('pxe-upload'))).toEqual([]);
    await peer[Symbol.asyncDispose]();
  });

  test('into a folder that does not exist', async () => {
    const at = folder();
    const { address, tree } = await lab({ uploads: { dir: 'nowhere' } }, at);
    const before = tree();
    const { error } = await put(address, 'new', bytes);
    expect(error?.code).toBeDefined();
    expect(error?.message).not.toContain('/');
    expect(tree()).toEqual(before);
  });
});

test('with overwrite an existing file is replaced at the end, and not before', async () => {
  const { address, path } = await uploadLab({ overwrite: true });
  const { peer, from } = await upTo(1, address, 'old');
  expect(readFileSync(join(path, 'up/old'), 'utf8')).toBe('old');
  peer.send(from, data(2, new Uint8Array(0)));
  await peer.find(isAck(2));
  expect(readFileSync(join(path, 'up/old')).equals(bytes.subarray(0, 512))).toBe(true);
  // A link of that name is replaced, not followed.
  expect((await put(address, 'link', Buffer.from('x'))).error).toBeUndefined();
  expect(readFileSync(join(path, 'outside/old'), 'utf8')).toBe('outside');
  await peer[Symbol.asyncDispose]();
});

test.each([5, 700, 10_000_000])('a wrong tsize of %i is a claim, and nothing more', async (tsize) => {
  const { address, path } = await uploadLab();
  const sent = bytes.subarray(0, 1500);
  expect(await put(address, 'new', sent, { options: { tsize } })).toMatchObject({ agreed: { tsize: String(tsize) } });
  expect(readFileSync(join(path, 'up/new')).equals(sent)).toBe(true);
});

test('a request that comes three times is one upload', async () => {
  const { address, tree, path, ended } = await uploadLab();
  await using peer = await Peer.open();
  for (let copy = 0; copy < 3; copy++) peer.send(address, wrq('new'));
  const { from } = await peer.reply();
  await until(() => tree('up').some((name) => name.includes('pxe-upload')), 'temporary file');
  expect(tree('up').filter((name) => name.includes('pxe-upload'))).toHaveLength(1);
  peer.send(from, data(1, Buffer.from('hello')));
  for (let reply = await peer.reply(); ; reply = await peer.reply()) {
    expect(reply.kind).toBe('ack');
    expect(reply.from).toEqual(from);
    if (reply.kind === 'ack' && reply.block === 1) break;
  }
  expect(readFileSync(join(path, 'up/new'), 'utf8')).toBe('hello');
  await until(() => ended.length === 1, 'end');
  expect(tree('up').filter((name) => name.includes('pxe-upload'))).toEqual([]);
});

test('the last block once more is acknowledged once more, and stored once', async () => {
  const { address, path } = await uploadLab();
  const { peer, from } = await upTo(1, address);
  for (let copy = 0; copy < 3; copy++) {
    peer.send(from, data(2, Buffer.from('end')));
    await peer.find(isAck(2));
  }
  expect(readFileSync(join(path, 'up/new'))).toHaveLength(515);
  await peer[Symbol.asyncDispose]();
});

test('two uploads of one name: one is stored whole, the other is told', async () => {
  const { address, path, tree } = await uploadLab();
  const one = Buffer.alloc(60_000, 1);
  const two = Buffer.alloc(60_000, 2);
  const results = await Promise.all([put(address, 'new', one), put(address, 'new', two)]);
  expect(results.map(({ error }) => error?.code).sort()).toEqual([6, undefined].sort());
  const stored = readFileSync(join(path, 'up/new'));
  expect(stored.equals(one) || stored.equals(two)).toBe(true);
  expect(stored.equals(results[0]!.error ? two : one)).toBe(true);
  expect(tree('up').filter((name) => name.includes('pxe-upload'))).toEqual([]);
});

test('an upload under way is not served, under its name or its temporary one, and is afterwards', async () => {
  const { address, tree } = await uploadLab({}, { rootDir: 'up' });
  const { peer, from } = await upTo(200, address);
  const temporary = tree('up').find((name) => name.includes('pxe-upload'));
  expect(temporary).toBeDefined();
  expect((await get(address, 'new')).error).toMatchObject({ code: 1 });
  expect((await get(address, temporary!)).error).toMatchObject({ code: 1 });
  peer.send(from, data(201, new Uint8Array(0)));
  await peer.find(isAck(201));
  expect((await get(address, 'new', { options: { blksize: 8192 } })).bytes.equals(bytes.subarray(0, 102_400))).toBe(true);
  await peer[Symbol.asyncDispose]();
});

test('DATA that is longer than agreed, out of order or stale is no part of the file', async () => {
  const { address, path } = await uploadLab();
  const { peer, from } = await upTo(1, address);
  peer.send(from, data(2, new Uint8Array(513)));
  peer.send(from, data(3, new Uint8Array(9)));
  peer.send(from, data(0, new Uint8Array(9)));
  peer.send(from, data(1, new Uint8Array(9)));
  peer.send(from, ack(1));
  peer.send(from, data(2, Buffer.from('end')));
  for (let reply = await peer.reply(); reply.kind !== 'ack' || reply.block !== 2; reply = await peer.reply()) {
    expect(reply).toMatchObject({ kind: 'ack', block: 1 });
  }
  expect(readFileSync(join(path, 'up/new')).equals(Buffer.concat([bytes.subarray(0, 512), Buffer.from('end')]))).toBe(true);
  await peer[Symbol.asyncDispose]();
});

test('sixty uploads at a time, a third of them aborted, leave what was completed', async () => {
  const { server, address, tree, path, ended } = await uploadLab();
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const sent = bytes.subarray(0, 1000 + i * 997);
      const options = { blksize: 600 + i, windowsize: 1 + (i % 5) };
      const pace = (block: number) => {
        if (i % 3 === 2 && block === 2) throw new Error('gone');
      };
      await using peer = await Peer.open();
      const done = putBy(peer, address, `many/${i}`, sent, { options, pace });
      if (i % 3 !== 2) return expect((await done).error).toBeUndefined();
      await expect(done).rejects.toThrow('gone');
      return undefined;
    }),
  );
  const stored = Array.from({ length: 60 }, (_, i) => i).filter((i) => i % 3 !== 2);
  for (const i of stored) expect(readFileSync(join(path, `up/many/${i}`)).equals(bytes.subarray(0, 1000 + i * 997))).toBe(true);
  expect(existsSync(join(path, 'up/many/2'))).toBe(false);
  await until(() => ended.filter(({ outcome }) => outcome === 'completed').length === 40, '40 ends');
  await server.stop(0);
  expect(tree('up').filter((name) => name.includes('pxe-upload'))).toEqual([]);
});
