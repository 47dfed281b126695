/** Acceptance 7: 500 clients at a time, each with block size and window of its own, complete without a failure. */
import { expect, test } from 'vitest';
import type { FileSystem, OpenFile } from '../../src/content/filesystem.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { folder, lab, until } from '../kit/lab.ts';
import { seeded } from '../kit/random.ts';
import { get, type Options } from '../kit/tftp.ts';

const CLIENTS = 500;
const SEGMENT_BYTES = 65_536;
/** Three segments, the last one not full. */
const image = seeded(11).bytes(2 * SEGMENT_BYTES + 12_345);
const small = seeded(12).bytes(1500);
const windows = [1, 2, 4, 7, 8, 16, 33, 64];

/** Counts reads of the image's bytes from the disk. */
function countingFileSystem() {
  const positions: number[] = [];
  const counted = (file: OpenFile, path: string): OpenFile => ({
    fd: file.fd,
    stat: () => file.stat(),
    realPath: () => file.realPath(),
    close: () => file.close(),
    read(into, position) {
      if (path.endsWith('image')) positions.push(position);
      return file.read(into, position);
    },
  });
  const sync = nodeFileSystem.sync!;
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    sync: { ...sync, open: (path) => counted(sync.open(path), path) },
    open: async (path) => counted(await nodeFileSystem.open(path), path),
  };
  return { fileSystem, positions };
}

/** Distinct for each client; every twentieth has none, and gets the small file. */
function optionsOf(client: number): Options | undefined {
  if (client % 20 === 0) return undefined;
  return { tsize: 0, blksize: 512 + client * 17, windowsize: windows[client % windows.length]!, timeout: 1 + (client % 5) };
}

test.each([
  ['on ports of their own', false],
  ['in single-port mode', true],
])('500 clients at a time, %s', async (_what, singlePort) => {
  const { fileSystem, positions } = countingFileSystem();
  const at = folder();
  at.put('ROOT/image', image);
  at.put('ROOT/small', small);
  const { server, address, ended, log } = await lab({ tftp: { singlePort, limits: { minTimeoutMs: 20 } } }, at, { fileSystem });
  let most = 0;
  const watching = setInterval(async () => {
    most = Math.max(most, (await server.exchanges()).length);
  }, 5);
  const begun = performance.now();
  try {
    const results = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) => {
        const options = optionsOf(client);
        const got = await get(address, options ? 'image' : 'small', { options: options ?? {}, retryMs: 5000 });
        expect(got.error).toBeUndefined();
        expect(got.bytes.equals(options ? image : small), `bytes of client ${client}`).toBe(true);
        if (options) expect(got.agreed).toEqual({ ...mapped(options), tsize: String(image.length) });
        expect(got.from.port === address.port).toBe(singlePort);
        return got;
      }),
    );
    const ms = Math.round(performance.now() - begun);
    await until(() => ended.length === CLIENTS, 'end of every transfer');
    const retries = results.reduce((sum, { retries }) => sum + retries, 0);
    const resent = ended.reduce((sum, { tftp }) => sum + tftp!.retransmissions, 0);
    console.log(`${CLIENTS} clients in ${ms} ms, ${most} at a time; repeated by clients ${retries}, by the server ${resent}`);
  } finally {
    clearInterval(watching);
  }
  expect(ended.map(({ outcome }) => outcome)).toEqual(Array(CLIENTS).fill('completed'));
  expect(new Set(ended.map(({ tftp }) => `${tftp!.blockSize} ${tftp!.windowSize}`)).size).toBe(CLIENTS - CLIENTS / 20 + 1);
  expect(most).toBeGreaterThan(CLIENTS / 4);
  // However many ask: each segment once.
  expect(positions.sort((a, b) => a - b)).toEqual([0, SEGMENT_BYTES, 2 * SEGMENT_BYTES]);
  expect(await server.exchanges()).toEqual([]);
  expect(log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
});

function mapped(options: Options): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]));
}
