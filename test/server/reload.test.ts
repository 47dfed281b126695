/**
 * Reloads with real files and sockets, wired as `pxe serve` does it. What can go wrong in a reload goes wrong here once, by name;
 * all of it at once, in any order, is `test/simulation`.
 */
import { readdirSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { ConfigError } from '../../src/config/error.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { createServer, definePlugin } from '../../src/index.ts';
import { Reloader } from '../../src/server/reloader.ts';
import { folder, keepingLog, lab, until } from '../kit/lab.ts';
import { seeded } from '../kit/random.ts';
import type { Reading, ReadingTask } from '../kit/reader.worker.ts';
import { type ReloadingLab, reloadingLab } from '../kit/reloading.ts';
import { freePort } from '../kit/serve.ts';
import { type Address, ack, get, Peer, rrq } from '../kit/tftp.ts';

const SIZE = 300_000;

/** A config whose plugin answers `who` by a text, and `state` by 300,000 bytes of one letter, read as they are needed. */
function configOf(text: string, { head = '', keys = '', plugins = '', setup = '' } = {}): string {
  return `
import { definePlugin } from 'pxe';
${head}
const board = globalThis.pxeTest;
const said = definePlugin({
  name: 'said',
  async setup(_, context) {
    board.notes.push('setup ${text}');
    context.onDispose(() => board.notes.push('dispose ${text}'));
    ${setup}
    let letter = '${text}';
    return {
      open({ name }) {
        if (name === 'who') return Buffer.from('${text}');
        if (name !== 'state') return;
        return { size: ${SIZE}, read: (offset, length) => Buffer.alloc(Math.min(length, ${SIZE} - offset), letter), close() {} };
      },
    };
  },
});
export default {
  rootDir: 'ROOT',
  listen: [{ address: '127.0.0.1', port: 0 }],
  stableMs: 0,
  limits: { setupMs: 300 },
  ${keys}
  plugins: [said()${plugins}],
};
`;
}

/** Reads a file slowly; `step` lets the next window through. */
function slowly(address: Address, name: string) {
  let let_through = () => {};
  let begun = () => {};
  const started = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let open = false;
  const pace = async () => {
    begun();
    if (open) return;
    await new Promise<void>((resolve) => {
      let_through = resolve;
    });
  };
  const got = get(address, name, { options: { blksize: 8192 }, pace, retryMs: 500 });
  // Nobody waits for it before the test gets there.
  got.catch(() => {});
  return {
    got,
    started,
    step: () => let_through(),
    goOn() {
      open = true;
      let_through();
      return got;
    },
  };
}

describe('each point of failure leaves the old generation serving, and the next good save takes effect:', () => {
  interface Failure {
    readonly what: string;
    readonly break: (lab: ReloadingLab, port: number) => void;
    readonly mend?: (lab: ReloadingLab) => void;
    readonly told: RegExp;
    /** What was made, and undone. */
    readonly notes?: readonly string[];
    readonly importMs?: number;
  }
  const wrong = `, levelled({ level: 'one' }), levelled({ level: 'two' }), levelled({ level: 'three' })`;
  const levelled = `import { z } from 'pxe';
const levelled = definePlugin({ name: 'levelled', options: z.strictObject({ level: z.int() }), setup: () => ({}) });`;
  const failures: readonly Failure[] = [
    {
      what: 'a syntax error',
      break: ({ save }) => save('export default {\n  rootDir: ,\n};\n'),
      told: /pxe\.config\.ts:2:\d+: [\s\S]*2 \| {3}rootDir: ,/,
    },
    {
      what: 'a syntax error in a file that is imported',
      break: ({ put, save }) => {
        put('more.ts', 'export const more = 1;\nexport const less = = 2;\n');
        save(configOf('B', { head: `import './more.ts';` }));
      },
      told: /more\.ts:2:\d+: [\s\S]*export const less = = 2;/,
    },
    {
      what: 'an import that throws',
      break: ({ save }) => save(configOf('B', { head: `throw new Error('no licence');` })),
      told: /pxe\.config\.ts:\d+:\d+: no licence/,
    },
    {
      what: 'an import that never settles',
      break: ({ save }) => save(configOf('B', { head: 'await new Promise(() => {});' })),
      told: /not done within 300 ms/,
      importMs: 300,
    },
    {
      what: 'wrong options of three plugins at once',
      break: ({ save }) => save(configOf('B', { head: levelled, plugins: wrong })),
      told: /3 problems\n {2}plugins\[1\]\.options\.level: [\s\S]*plugins\[2\]\.options\.level: [\s\S]*plugins\[3\]\.options\.level: /,
    },
    {
      what: 'a setup that throws half-way',
      break: ({ save }) => save(configOf('B', { setup: `throw new Error('no database');` })),
      told: /plugin "said", setup: no database/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'a second plugin whose setup throws',
      break: ({ save }) =>
        save(configOf('B', { plugins: `, definePlugin({ name: 'bad', setup() { throw new Error('no database'); } })()` })),
      told: /plugin "bad", setup: no database/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'a setup that never settles',
      break: ({ save }) => save(configOf('B', { setup: 'await new Promise(() => {});' })),
      told: /plugin "said", setup: not done within 300 ms/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'a port that is taken',
      break: ({ save }, port) =>
        save(configOf('B', { keys: `listen: [{ address: '127.0.0.1', port: 0 }, { address: '127.0.0.1', port: ${port} }],` })),
      told: /stays: 127\.0\.0\.1 port \d+ is taken, perhaps by another server; "ss -ulpn sport = :\d+" tells by whom$/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'an address of another machine',
      break: ({ save }) => save(configOf('B', { keys: `listen: [{ address: '192.0.2.1', port: 6969 }],` })),
      told: /stays: 192\.0\.2\.1 is not an address of this machine; "ip address" lists them$/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'a config that vanishes',
      break: ({ path }) => unlinkSync(join(path, 'pxe.config.ts')),
      told: /pxe\.config\.ts: no such file/,
    },
    {
      what: 'an imported file that vanishes',
      break: ({ path }) => unlinkSync(join(path, 'lasting.ts')),
      mend: ({ put }) => void put('lasting.ts', 'export const lasting = 3;'),
      told: /lasting\.ts/,
    },
  ];

  test.for(failures)('$what', async ({ break: sabotage, mend, told, notes = [], importMs }) => {
    const head = `import { lasting } from './lasting.ts'; void lasting;`;
    await using taken = await Peer.open();
    const at = await reloadingLab({
      config: configOf('A', { head }),
      files: { 'lasting.ts': 'export const lasting = 1;' },
      ...(importMs === undefined ? {} : { importMs }),
    });
    const { server, board, text, nextFailure, nextReload } = at;
    const addresses = server.addresses;
    const transfer = slowly(at.address, 'state');
    await transfer.started;
    const failed = nextFailure();
    sabotage(at, taken.port);
    await failed;
    expect(board.notes).toEqual(['setup A', ...notes]);
    expect(server.addresses).toEqual(addresses);
    expect(await text('who')).toBe('A');
    const errors = at.log.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]!.msg).toMatch(/^reload failed, the config in force stays: /);
    expect(errors[0]!.msg).toMatch(told);
    // No stack of ours.
    expect(errors[0]).not.toHaveProperty('err');

    const reloaded = nextReload();
    if (mend) mend(at);
    else at.save(configOf('C', { head }));
    // A reload that failed takes no number.
    expect((await reloaded).generation).toBe(2);
    expect(await text('who')).toBe(mend ? 'A' : 'C');
    const { bytes } = await transfer.goOn();
    expect(bytes.equals(Buffer.alloc(SIZE, 'A'))).toBe(true);
    await until(() => board.notes.includes('dispose A'), 'end of the first generation');
    expect(at.failures).toHaveLength(1);
  });
});

test('a file that vanishes while it is looked up is no such file, and one that vanishes later is served to its end', async () => {
  const at = await lab();
  const bytes = seeded(1).bytes(SIZE);
  const path = at.put('ROOT/file', bytes);
  const transfer = slowly(at.address, 'file');
  await transfer.started;
  unlinkSync(path);
  expect((await get(at.address, 'file')).error).toMatchObject({ code: 1 });
  expect((await transfer.goOn()).bytes.equals(bytes)).toBe(true);
});

describe('what is a save', () => {
  /** The number of reloads that came of it. */
  async function reloadsOf(at: ReloadingLab, save: () => void | Promise<void>, expected: string): Promise<number> {
    const before = at.reloads.length;
    await save();
    await until(async () => (await at.text('who')) === expected, `answer ${expected}`, 8000);
    await pause(400);
    expect(at.failures).toEqual([]);
    return at.reloads.length - before;
  }

  const ways: readonly { readonly how: string; readonly save: (path: string, text: string) => void | Promise<void> }[] = [
    { how: 'written over', save: (path, text) => writeFileSync(path, text) },
    {
      how: 'truncated, and written a moment later',
      async save(path, text) {
        truncateSync(path);
        await pause(10);
        writeFileSync(path, text);
      },
    },
    {
      how: 'a temporary file renamed over it',
      save(path, text) {
        writeFileSync(`${path}.tmp123`, text);
        renameSync(`${path}.tmp123`, path);
      },
    },
    {
      how: 'the old one moved aside, as vim does',
      async save(path, text) {
        writeFileSync(join(path, '../4913'), '');
        unlinkSync(join(path, '../4913'));
        renameSync(path, `${path}~`);
        writeFileSync(path, text);
        await pause(5);
        unlinkSync(`${path}~`);
      },
    },
    {
      how: 'deleted and made again',
      save(path, text) {
        unlinkSync(path);
        writeFileSync(path, text);
      },
    },
  ];

  test.for(ways)('$how: one reload', async ({ save }) => {
    const at = await reloadingLab({ config: configOf('A') });
    for (const letter of ['B', 'C']) {
      expect(await reloadsOf(at, () => save(join(at.path, 'pxe.config.ts'), configOf(letter)), letter)).toBe(1);
    }
  });

  test('many files at once, as a checkout has it: one reload', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`part${i}.ts`, `export const part = ${i};`]));
    const head = Object.keys(files)
      .map((name) => `import './${name}';`)
      .join('\n');
    const at = await reloadingLab({ config: configOf('A', { head }), files });
    const checkOut = async () => {
      for (const [i, name] of Object.keys(files).entries()) {
        at.put(name, `export const part = 'new ${i}';`);
        if (i === 15) await pause(10);
      }
      at.save(configOf('B', { head }));
    };
    expect(await reloadsOf(at, checkOut, 'B')).toBe(1);
    expect(at.log.filter(({ msg }) => msg === 'reload begun')).toHaveLength(1);
  });

  test('saves that come while a reload runs are one more reload, and the last one wins', async () => {
    const slow = (letter: string) =>
      configOf(letter, { keys: 'limits: { setupMs: 5000 },', setup: 'await new Promise((go) => setTimeout(go, 600));' });
    const at = await reloadingLab({ config: slow('A') });
    const saveAll = async () => {
      for (const letter of ['B', 'C', 'D', 'E', 'F']) {
        at.save(slow(letter));
        await pause(70);
      }
    };
    const reloads = await reloadsOf(at, saveAll, 'F');
    expect(reloads).toBeGreaterThanOrEqual(1);
    expect(reloads).toBeLessThanOrEqual(3);
    expect(at.reloads.at(-1)!.generation).toBe(reloads + 1);
  });

  test('unchanged content is none', async () => {
    const at = await reloadingLab({ config: configOf('A') });
    const path = join(at.path, 'pxe.config.ts');
    at.save(configOf('A'));
    await pause(150);
    writeFileSync(path, configOf('A'));
    await pause(150);
    utimesSync(path, new Date(), new Date());
    at.put('unrelated.ts', 'export {};');
    await pause(300);
    expect(at.loads()).toBe(1);
    expect(at.reloads).toEqual([]);
  });

  test('a file that was looked for, and comes to exist', async () => {
    const at = await reloadingLab({ config: configOf('A') });
    const failed = at.nextFailure();
    at.save(configOf('B', { head: `import './later/extra.ts';` }));
    expect(await failed).toBeInstanceOf(ConfigError);
    const reloaded = at.nextReload();
    at.put('later/extra.ts', 'export {};');
    await reloaded;
    expect(await at.text('who')).toBe('B');
  });

  test('a file that a plugin watches, also one that does not exist yet', async () => {
    const read = `context.watch('hosts.txt'); board.notes.push(await import('node:fs').then(({ existsSync }) => String(existsSync(context.configDir + '/hosts.txt'))));`;
    const at = await reloadingLab({ config: configOf('A', { setup: read }) });
    for (const change of [
      () => at.put('hosts.txt', 'one'),
      () => at.put('hosts.txt', 'two'),
      () => rmSync(join(at.path, 'hosts.txt')),
    ]) {
      const reloaded = at.nextReload();
      change();
      await reloaded;
    }
    expect(at.board.notes.filter((note) => /true|false/.test(note))).toEqual(['false', 'true', 'true', 'false']);
  });

  test('a file that the plugins in force watch, though another config has failed since', async () => {
    await using taken = await Peer.open();
    const at = await reloadingLab({ config: configOf('A', { setup: `context.watch('hosts.txt');` }) });
    const failed = at.nextFailure();
    at.save(configOf('B', { keys: `listen: [{ address: '127.0.0.1', port: ${taken.port} }],` }));
    await failed;
    expect(at.server.watched.some((file) => file.endsWith('hosts.txt'))).toBe(true);
  });

  test('a request, as SIGHUP makes it, reloads what has not changed', async () => {
    const at = await reloadingLab({ config: configOf('A'), watch: false });
    await Promise.all([at.reloader.request('SIGHUP'), at.reloader.request('SIGHUP')]);
    expect(at.reloads.map(({ generation }) => generation)).toEqual([2, 3]);
    at.save(configOf('B'));
    await pause(200);
    expect(await at.text('who')).toBe('A');
    await at.reloader.request('SIGHUP');
    expect(await at.text('who')).toBe('B');
  });
});

test('a request that comes as a reload ends is not lost', async () => {
  const at = await lab();
  for (let turns = 0; turns < 12; turns++) {
    let loads = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const config = resolveConfig({ rootDir: 'ROOT', listen: [{ address: '127.0.0.1', port: 0 }] }, { dir: at.path });
    const reloader = new Reloader(
      {
        server: at.server,
        log: keepingLog(),
        clock: systemClock,
        async load() {
          if (++loads === 2) resolve();
          return { file: 'none', files: [], config };
        },
        watcher: (changed) => ({
          async watch() {
            if (loads > 1) return;
            void (async () => {
              for (let turn = 0; turn < turns; turn++) await undefined;
              changed(['none']);
            })();
          },
          async close() {},
        }),
      },
      [],
    );
    await reloader.request('first');
    await promise;
    await reloader.stop();
  }
});

describe('what it means for transfers', () => {
  test('each goes on under the plugins that it began with, whose end comes after its own', async () => {
    const at = await reloadingLab({ config: configOf('A') });
    const letters = ['A', 'B', 'C', 'D'];
    const transfers: ReturnType<typeof slowly>[] = [];
    for (const [i, letter] of letters.entries()) {
      if (i > 0) {
        const reloaded = at.nextReload();
        at.save(configOf(letter));
        expect((await reloaded).draining).toBe(i);
      }
      const transfer = slowly(at.address, 'state');
      await transfer.started;
      transfers.push(transfer);
    }
    expect((await at.server.transfers()).map(({ generation }) => generation)).toEqual([1, 2, 3, 4]);
    expect(at.board.notes).toEqual(letters.map((letter) => `setup ${letter}`));
    for (const i of [2, 0, 1, 3]) {
      const { bytes } = await transfers[i]!.goOn();
      expect(bytes.equals(Buffer.alloc(SIZE, letters[i]))).toBe(true);
      if (i < 3) await until(() => at.board.notes.at(-1) === `dispose ${letters[i]}`, `end of ${letters[i]}`);
    }
    expect(at.board.notes).not.toContain('dispose D');
  });

  test('a hundred reloads a second during a hundred transfers', { timeout: 60_000 }, async () => {
    const bytes = seeded(5).bytes(150_000);
    const at = await lab({ limits: { transfersPerClient: 200 } });
    at.put('ROOT/file', bytes);
    let [made, disposed] = [0, 0];
    const counting = definePlugin({
      name: 'counting',
      setup(_, { onDispose }) {
        made++;
        onDispose(() => void disposed++);
        return {};
      },
    });
    const config = (i: number) =>
      resolveConfig(
        {
          rootDir: 'ROOT',
          stableMs: 0,
          listen: [{ address: '127.0.0.1', port: 0 }],
          limits: { transfers: 1000 + i },
          plugins: [counting()],
        },
        { dir: at.path },
      );
    const pace = () => pause(1 + Math.random() * 20);
    const reading = Promise.all(
      Array.from({ length: 100 }, () =>
        get(at.address, 'file', { options: { blksize: 1468, windowsize: 4 }, pace, retryMs: 4000 }),
      ),
    );
    let ended = false;
    void reading.finally(() => {
      ended = true;
    });
    const begun = performance.now();
    let reloads = 0;
    while (!ended) {
      await at.server.reload(config(++reloads));
      await pause(Math.max(0, begun + reloads * 10 - performance.now()));
    }
    const all = await reading;
    expect(all.filter((got) => got.error || !got.bytes.equals(bytes))).toEqual([]);
    await until(() => disposed === made - 1, 'disposal of all but the last');
    await at.server.stop(0);
    expect(disposed).toBe(made);
    expect(made).toBe(reloads);
    console.log(`${reloads} reloads in ${((performance.now() - begun) / 1000).toFixed(1)} s during 100 transfers`);
  });
});

describe('listen changes live', () => {
  const on = (...addresses: readonly (readonly [string, number])[]) =>
    `listen: [${addresses.map(([address, port]) => `{ address: '${address}', port: ${port} }`).join(', ')}],`;

  async function reload(at: ReloadingLab, source: string): Promise<void> {
    const reloaded = at.nextReload();
    at.save(source);
    await reloaded;
  }

  async function answers(address: string, port: number): Promise<boolean> {
    await using peer = await Peer.open('127.0.0.1');
    peer.send({ address, port }, rrq('who'));
    return (await peer.poll(800)) !== undefined;
  }

  test('the new address is served, the old one is not, and a transfer keeps its sockets', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const at = await reloadingLab({ config: configOf('A', { keys: on(['127.0.0.1', one]) }) });
    const transfer = slowly({ address: '127.0.0.1', port: one }, 'state');
    await transfer.started;
    await reload(at, configOf('B', { keys: on(['127.0.0.1', two]) }));
    expect(at.server.addresses).toEqual([{ address: '127.0.0.1', port: two }]);
    expect(await answers('127.0.0.1', two)).toBe(true);
    expect(await answers('127.0.0.1', one)).toBe(false);
    expect((await transfer.goOn()).bytes.equals(Buffer.alloc(SIZE, 'A'))).toBe(true);
    await using again = await Peer.open('127.0.0.1', one);
    expect(again.port).toBe(one);
  });

  test('the old one is closed after the new one is bound: if that fails, nothing has changed', async () => {
    await using taken = await Peer.open();
    const port = await freePort();
    const at = await reloadingLab({ config: configOf('A', { keys: on(['127.0.0.1', port]) }) });
    const failed = at.nextFailure();
    at.save(configOf('B', { keys: on(['127.0.0.1', await freePort()], ['127.0.0.1', taken.port]) }));
    await failed;
    expect(at.server.addresses).toEqual([{ address: '127.0.0.1', port }]);
    expect(await answers('127.0.0.1', port)).toBe(true);
  });

  test('all addresses and one of them overlap on one port, whichever comes first', async () => {
    const port = await freePort();
    const loopback = ['127.0.0.1', port] as const;
    const everywhere = ['0.0.0.0', port] as const;
    const at = await reloadingLab({ config: configOf('A', { keys: on(loopback) }) });
    const transfers = [];
    for (const [letter, keys] of [
      ['B', on(everywhere)],
      ['C', on(loopback, everywhere)],
      ['D', on(everywhere, loopback)],
      ['E', on(loopback)],
    ] as const) {
      const transfer = slowly({ address: '127.0.0.1', port }, 'state');
      await transfer.started;
      transfers.push(transfer);
      await reload(at, configOf(letter, { keys }));
      expect(await answers('127.0.0.1', port)).toBe(true);
      expect(await at.text('who')).toBe(letter);
    }
    for (const [i, transfer] of transfers.entries())
      expect((await transfer.goOn()).bytes.equals(Buffer.alloc(SIZE, 'ABCD'[i]))).toBe(true);
  });

  test('an address that stays loses no request while others come and go', async () => {
    const [stays, other] = [await freePort(), await freePort()];
    const at = await reloadingLab({ config: configOf('A', { keys: on(['127.0.0.1', stays]) }), watch: false });
    let done = false;
    let asked = 0;
    const asking = (async () => {
      for (; !done; asked++) {
        await using peer = await Peer.open();
        peer.send({ address: '127.0.0.1', port: stays }, rrq('who'));
        expect((await peer.reply(1000)).kind).toBe('data');
      }
    })();
    for (let i = 0; i < 10; i++) {
      const more: readonly (readonly [string, number])[] = i % 2 === 0 ? [['127.0.0.1', other]] : [];
      at.save(configOf(`${i}`, { keys: on(...more, ['127.0.0.1', stays]) }));
      await at.reloader.request('test');
      await pause(20);
    }
    done = true;
    await asking;
    expect(at.failures).toEqual([]);
    expect(at.reloads).toHaveLength(10);
    expect(asked).toBeGreaterThan(10);
  });
});

describe('the root directory changes under transfers', () => {
  const old = seeded(11).bytes(SIZE);
  const young = seeded(12).bytes(SIZE);

  test('a root that is a link is switched over', async () => {
    const at = await lab({ rootDir: 'current' }, linked());
    const transfer = slowly(at.address, 'file');
    await transfer.started;
    symlinkSync('release2', join(at.path, 'next'));
    renameSync(join(at.path, 'next'), join(at.path, 'current'));
    expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(young)).toBe(true);
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
  });

  function linked() {
    const at = folder();
    at.put('release1/file', old);
    at.put('release2/file', young);
    symlinkSync('release1', join(at.path, 'current'));
    return at;
  }

  test('a root that vanishes takes no transfer with it, and is served again when it is back', async () => {
    const at = await lab();
    at.put('ROOT/file', old);
    const transfer = slowly(at.address, 'file');
    await transfer.started;
    rmSync(at.root, { recursive: true });
    expect((await get(at.address, 'file')).error).toBeDefined();
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
    at.put('ROOT/file', young);
    expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(young)).toBe(true);
  });

  test('a directory is swapped', async () => {
    const at = await lab();
    at.put('ROOT/boot/file', old);
    at.put('ROOT/boot.new/file', young);
    const transfer = slowly(at.address, 'boot/file');
    await transfer.started;
    renameSync(join(at.root, 'boot'), join(at.root, 'boot.old'));
    renameSync(join(at.root, 'boot.new'), join(at.root, 'boot'));
    expect((await get(at.address, 'boot/file', { options: { blksize: 8192 } })).bytes.equals(young)).toBe(true);
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
  });

  test('a file that is replaced by rename goes on as it was', async () => {
    const at = await lab();
    at.put('ROOT/file', old);
    const transfer = slowly(at.address, 'file');
    await transfer.started;
    renameSync(at.put('new', young), join(at.root, 'file'));
    expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(young)).toBe(true);
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
  });

  test.for([
    ['truncated', (path: string) => truncateSync(path, 100_000)],
    ['emptied', (path: string) => truncateSync(path)],
    ['written over', (path: string) => writeFileSync(path, young, { flag: 'r+' })],
  ] as const)('a file that is %s ends in ERROR 0, and in no mixed bytes', async ([, change]) => {
    const at = await lab({ cacheBytes: 0 });
    // So long that not all of it was read ahead.
    const bytes = Buffer.concat(Array<Uint8Array>(8).fill(old));
    const path = at.put('ROOT/file', bytes);
    const transfer = slowly(at.address, 'file');
    await transfer.started;
    await pause(20);
    change(path);
    const got = await transfer.goOn();
    expect(got.error).toMatchObject({ code: 0, message: 'file changed during transfer' });
    expect(got.bytes.equals(bytes.subarray(0, got.bytes.length))).toBe(true);
    expect((await at.end()).outcome).toBe('failed');
  });

  test('with the watcher off or deaf it is the same: nothing of this waits for an event', async () => {
    const at = await reloadingLab({ config: configOf('A'), watch: false, files: { 'ROOT/file': old } });
    const transfer = slowly(at.address, 'file');
    await transfer.started;
    for (let i = 0; i < 20; i++) {
      const bytes = seeded(100 + i).bytes(40_000);
      if (i % 2 === 0) renameSync(at.put('new', bytes), join(at.root, 'file'));
      else writeFileSync(join(at.root, 'file'), bytes);
      await pause(15);
      expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(bytes)).toBe(true);
    }
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
  });
});

describe('time', () => {
  const bytes = seeded(21).bytes(SIZE);

  test('the control plane stalls for up to a second, reloads included, and no transfer notices', {
    timeout: 30_000,
  }, async () => {
    // A machine under load must not pass for a lost packet, and a stall is longer than this.
    const limits = { minTimeoutMs: 150 };
    const at = await lab({ limits });
    at.put('ROOT/file', bytes);
    const task: ReadingTask = {
      server: at.address,
      name: 'file',
      options: Array.from({ length: 20 }, (_, i) => ({ blksize: 1468, windowsize: 1 + (i % 4) })),
      paceMs: 4,
    };
    const worker = new Worker(new URL('../kit/reader.worker.ts', import.meta.url), { workerData: task });
    const reading = new Promise<readonly Reading[]>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await until(() => at.started.length === 20, 'begin of all transfers');
    for (const ms of [200, 1000, 500, 200]) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      await at.server.reload(
        resolveConfig({ rootDir: 'ROOT', limits, listen: [{ address: '127.0.0.1', port: 0 }] }, { dir: at.path }),
      );
      await pause(50);
    }
    for (const one of await reading) {
      expect(Buffer.from(one.bytes).equals(bytes)).toBe(true);
      expect(one).toMatchObject({ error: undefined, retries: 0, duplicates: 0 });
    }
    await until(() => at.ended.length === 20, 'end of all transfers');
    expect(at.ended.map(({ outcome, retransmissions }) => [outcome, retransmissions])).toEqual(Array(20).fill(['completed', 0]));
  });

  test('the wall clock jumps, and neither transfers nor waits for files go by it', async () => {
    let offset = 0;
    const clock = { ...systemClock, wallTime: () => systemClock.wallTime() + offset };
    const at = await lab({ stableMs: 50, stableWaitMs: 500 }, folder(), { clock });
    at.put('ROOT/file', bytes);
    for (const ms of [3_600_000, -3_600_000, -86_400_000, 0]) {
      const transfer = slowly(at.address, 'file');
      await transfer.started;
      offset = ms;
      const begun = performance.now();
      expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(bytes)).toBe(true);
      expect(performance.now() - begun).toBeLessThan(1500);
      expect((await transfer.goOn()).bytes.equals(bytes)).toBe(true);
    }
    expect(at.ended.every(({ outcome }) => outcome === 'completed')).toBe(true);
  });
});

describe('nothing is left open', () => {
  /** Opens a file, a timer and a socket. */
  const greedy = `
    const [{ open }, { createSocket }] = await Promise.all([import('node:fs/promises'), import('node:dgram')]);
    const file = await open(new URL(import.meta.url).pathname);
    context.onDispose(() => file.close());
    const timer = setInterval(() => {}, 1000);
    context.onDispose(() => clearInterval(timer));
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await new Promise((bound) => socket.once('listening', bound));
    context.onDispose(() => new Promise((closed) => socket.close(closed)));`;

  const descriptors = () => readdirSync('/proc/self/fd').length;
  const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
  const sockets = () => process.getActiveResourcesInfo().filter((what) => what === 'UDPWrap').length;
  const open = () => ({ descriptors: descriptors(), timers: timers(), sockets: sockets() });

  test.runIf(process.platform === 'linux')('after a thousand reloads', { timeout: 60_000 }, async () => {
    const { open: openFile } = await import('node:fs/promises');
    const { createSocket } = await import('node:dgram');
    const plugin = definePlugin({
      name: 'greedy',
      async setup(_, { onDispose }) {
        const file = await openFile('/dev/null');
        onDispose(() => file.close());
        const timer = setInterval(() => {}, 1000);
        onDispose(() => clearInterval(timer));
        const socket = createSocket('udp4').bind(0, '127.0.0.1');
        await new Promise<void>((bound) => socket.once('listening', bound));
        onDispose(() => new Promise<void>((closed) => socket.close(() => closed())));
        return {};
      },
    });
    const at = folder();
    const config = () => ({ rootDir: 'ROOT', listen: [{ address: '127.0.0.1', port: 0 }], plugins: [plugin()] });
    const server = createServer({ ...config(), transport: 'portable' }, { dir: at.path });
    await server.start();
    await server.reload(resolveConfig(config(), { dir: at.path }));
    await pause(200);
    const before = open();
    const begun = performance.now();
    for (let i = 0; i < 1000; i++) await server.reload(resolveConfig(config(), { dir: at.path }));
    console.log(`1000 reloads in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    await until(() => descriptors() === before.descriptors && sockets() === before.sockets, JSON.stringify(before));
    expect(timers()).toBeLessThanOrEqual(before.timers + 4);
    await server.stop(0);
  });

  test.runIf(process.platform === 'linux')('after fifty saves, ten of them broken half-way', { timeout: 60_000 }, async () => {
    const config = (i: number, broken: boolean) =>
      configOf(`${i}`, { setup: `${greedy}\n${broken ? `throw new Error('half-way');` : ''}` });
    const at = await reloadingLab({ config: config(0, false) });
    await pause(100);
    const before = open();
    for (let i = 1; i <= 50; i++) {
      const broken = i % 5 === 2;
      const seen = broken ? at.nextFailure() : at.nextReload();
      at.save(config(i, broken));
      await seen;
    }
    expect(at.failures).toHaveLength(10);
    expect(at.reloads).toHaveLength(40);
    await until(() => descriptors() === before.descriptors && sockets() === before.sockets, JSON.stringify(before));
    // The server has a few of its own at times.
    expect(timers()).toBeLessThanOrEqual(before.timers + 4);
    const made = at.board.notes.filter((note) => note.startsWith('setup')).length;
    expect(made).toBe(51);
    await until(() => at.board.notes.filter((note) => note.startsWith('dispose')).length === 50, 'end of all but the last');
  });
});

test('a request that is dropped because a window never opened does not keep a generation', async () => {
  const at = await reloadingLab({ config: configOf('A') });
  await using peer = await Peer.open();
  peer.send(at.address, rrq('state', 'octet', { blksize: 1000 }));
  await peer.reply();
  peer.send(at.address, ack(0));
  const reloaded = at.nextReload();
  at.save(configOf('B'));
  expect((await reloaded).draining).toBe(1);
  await at.server.stop(0);
  expect(at.board.notes).toEqual(['setup A', 'setup B', expect.stringMatching(/^dispose/), expect.stringMatching(/^dispose/)]);
});

describe('what takes effect after a restart', () => {
  const saved = (at: ReloadingLab, keys: string) => {
    const reloaded = at.nextReload();
    at.save(configOf('B', { keys }));
    return reloaded;
  };

  test('is told where a save changes it, and not where the running value is written again', async () => {
    const at = await reloadingLab({ config: configOf('A') });
    const later = async (keys: string) => (await saved(at, keys)).changes.later.map(({ key }) => key);
    expect(await later('singlePort: true,')).toEqual(['singlePort']);
    expect(await later('singlePort: true, stableWaitMs: 5,')).toEqual([]);
    expect(await later('')).toEqual([]);
    expect(at.log.filter(({ msg }) => msg === 'takes effect after a restart')).toMatchObject([{ key: 'singlePort' }]);
  });
});

describe('the line of a save', () => {
  const table = (folder: string, more = '') =>
    `mac,name,folder\n52:54:00:00:00:01,one,a\n52:54:00:00:00:02,two,${folder}\n${more}`;
  const head = "import { hosts } from 'pxe/plugins';";
  const config = (plugins = ", hosts({ file: './rack.csv' })") => configOf('A', { head, plugins });

  test('says which files it was, and how many machines get something else', async () => {
    const at = await reloadingLab({ config: config(), files: { 'rack.csv': table('a') } });
    const reloaded = async (change: () => void) => {
      const next = at.nextReload();
      change();
      const { files, machines } = await next;
      return { files: files.map((file) => file.slice(at.path.length + 1)), machines: await machines };
    };
    const put = (text: string) => reloaded(() => void at.put('rack.csv', text));
    expect(await put(table('b'))).toEqual({ files: ['rack.csv'], machines: 1 });
    expect(await put(table('b', '52:54:00:00:00:03,three,b\n'))).toEqual({ files: ['rack.csv'], machines: 1 });
    expect(await put(`${table('b')}\n`)).toEqual({ files: ['rack.csv'], machines: 1 });
    expect(await reloaded(() => at.save(config('')))).toEqual({ files: ['pxe.config.ts'], machines: 2 });
    expect(await reloaded(() => at.save(configOf('B')))).toEqual({ files: ['pxe.config.ts'], machines: undefined });
    expect(at.log.find(({ msg }) => msg === 'reload done')).toMatchObject({ files: [join(at.path, 'rack.csv')], machines: 1 });
  });

  test('does not wait for a plugin that cannot list its machines in time, and a failure to list is none of a reload', async () => {
    const lists = (what: string) => `, definePlugin({ name: 'list', setup: () => ({ machines: ${what} }) })()`;
    const at = await reloadingLab({ config: configOf('A', { plugins: lists('() => new Promise(() => {})') }) });
    const next = at.nextReload();
    at.save(configOf('B', { plugins: lists("() => { throw new Error('no inventory'); }") }));
    expect(await (await next).machines).toBeUndefined();
    expect(await at.text('who')).toBe('B');
  });
});

test('with log.level debug each hook’s answer is in the log, and else nothing is noted', async () => {
  for (const level of ['debug', 'info']) {
    const at = await reloadingLab({ config: configOf('A', { keys: `log: { level: '${level}' },` }), watch: false });
    expect(await at.text('who')).toBe('A');
    await at.text('absent');
    const routes = at.log.filter(({ msg }) => msg === 'route');
    if (level === 'info') expect(routes).toEqual([]);
    else
      expect(routes).toMatchObject([
        { asked: 'who', trace: [{ plugin: 'said', hook: 'open', after: 'plugin:said (1 bytes)' }] },
        {
          asked: 'absent',
          trace: [
            { plugin: 'said', hook: 'open' },
            { hook: 'open', error: 'error 1: file not found' },
          ],
        },
      ]);
  }
});
