/**
 * Which saves cause a reload, how many, and what the log says of one.
 */

import { renameSync, rmSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { ConfigError } from '../../src/config/error.ts';
import { Reloader } from '../../src/server/reloader.ts';
import { resolveConfig } from '../kit/config.ts';
import { keepingLog, lab, until } from '../kit/lab.ts';
import { letterConfig } from '../kit/letter-config.ts';
import { type ReloadingLab, reloadingLab } from '../kit/reloading.ts';
import { Peer } from '../kit/tftp.ts';

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
    const at = await reloadingLab({ config: letterConfig('A') });
    for (const letter of ['B', 'C']) {
      expect(await reloadsOf(at, () => save(join(at.path, 'pxe.config.ts'), letterConfig(letter)), letter)).toBe(1);
    }
  });

  test('many files at once, as a checkout has it: one reload', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`part${i}.ts`, `export const part = ${i};`]));
    const head = Object.keys(files)
      .map((name) => `import './${name}';`)
      .join('\n');
    const at = await reloadingLab({ config: letterConfig('A', { head }), files });
    const checkOut = async () => {
      for (const [i, name] of Object.keys(files).entries()) {
        at.put(name, `export const part = 'new ${i}';`);
        if (i === 15) await pause(10);
      }
      at.save(letterConfig('B', { head }));
    };
    expect(await reloadsOf(at, checkOut, 'B')).toBe(1);
    expect(at.log.filter(({ msg }) => msg === 'reload started')).toHaveLength(1);
  });

  test('saves that come while a reload runs are one more reload, and the last one wins', async () => {
    const slow = (letter: string) =>
      letterConfig(letter, { keys: 'limits: { setupMs: 5000 },', setup: 'await new Promise((go) => setTimeout(go, 600));' });
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
    const at = await reloadingLab({ config: letterConfig('A') });
    const path = join(at.path, 'pxe.config.ts');
    at.save(letterConfig('A'));
    await pause(150);
    writeFileSync(path, letterConfig('A'));
    await pause(150);
    utimesSync(path, new Date(), new Date());
    at.put('unrelated.ts', 'export {};');
    await pause(300);
    expect(at.loads()).toBe(1);
    expect(at.reloads).toEqual([]);
  });

  test('a file that was looked for, and comes to exist', async () => {
    const at = await reloadingLab({ config: letterConfig('A') });
    const failed = at.nextFailure();
    at.save(letterConfig('B', { head: `import './later/extra.ts';` }));
    expect(await failed).toBeInstanceOf(ConfigError);
    const reloaded = at.nextReload();
    at.put('later/extra.ts', 'export {};');
    await reloaded;
    expect(await at.text('who')).toBe('B');
  });

  test('a file that a plugin watches, also one that does not exist yet', async () => {
    const read = `context.watch('hosts.txt'); board.notes.push(await import('node:fs').then(({ existsSync }) => String(existsSync(context.configDir + '/hosts.txt'))));`;
    const at = await reloadingLab({ config: letterConfig('A', { setup: read }) });
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
    const at = await reloadingLab({ config: letterConfig('A', { setup: `context.watch('hosts.txt');` }) });
    const failed = at.nextFailure();
    at.save(letterConfig('B', { keys: `tftp: { listen: [{ address: '127.0.0.1', port: ${taken.port} }] },` }));
    await failed;
    expect(at.server.watched.some((file) => file.endsWith('hosts.txt'))).toBe(true);
  });

  test('a request, as SIGHUP makes it, reloads what has not changed', async () => {
    const at = await reloadingLab({ config: letterConfig('A'), watch: false });
    await Promise.all([at.reloader.request('SIGHUP'), at.reloader.request('SIGHUP')]);
    expect(at.reloads.map(({ generation }) => generation)).toEqual([2, 3]);
    at.save(letterConfig('B'));
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
    const config = resolveConfig({ rootDir: 'ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] } }, { dir: at.path });
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

describe('what takes effect after a restart', () => {
  const saved = (at: ReloadingLab, keys: string) => {
    const reloaded = at.nextReload();
    at.save(letterConfig('B', { keys }));
    return reloaded;
  };

  test('is told where a save changes it, and not where the running value is written again', async () => {
    const at = await reloadingLab({ config: letterConfig('A') });
    const singlePort = "tftp: { singlePort: true, listen: [{ address: '127.0.0.1', port: 0 }] },";
    const later = async (keys: string) => (await saved(at, keys)).changes.later.map(({ key }) => key);
    expect(await later(singlePort)).toEqual(['tftp.singlePort']);
    expect(await later(`${singlePort} stableWaitMs: 5,`)).toEqual([]);
    expect(await later('')).toEqual([]);
    expect(at.log.filter(({ msg }) => msg === 'takes effect after a restart')).toMatchObject([{ key: 'tftp.singlePort' }]);
  });
});

describe('the line of a save', () => {
  const table = (folder: string, more = '') =>
    `mac,name,folder\n52:54:00:00:00:01,one,a\n52:54:00:00:00:02,two,${folder}\n${more}`;
  const head = "import { hosts } from 'pxe/plugins';";
  const config = (plugins = ", hosts({ file: './rack.csv' })") => letterConfig('A', { head, plugins });

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
    expect(await reloaded(() => at.save(letterConfig('B')))).toEqual({ files: ['pxe.config.ts'], machines: undefined });
    expect(at.log.find(({ msg }) => msg === 'reload done')).toMatchObject({ files: [join(at.path, 'rack.csv')], machines: 1 });
  });

  test('does not wait for a plugin that cannot list its machines in time, and a failure to list is none of a reload', async () => {
    const lists = (what: string) => `, definePlugin({ name: 'list', setup: () => ({ machines: ${what} }) })()`;
    const at = await reloadingLab({ config: letterConfig('A', { plugins: lists('() => new Promise(() => {})') }) });
    const next = at.nextReload();
    at.save(letterConfig('B', { plugins: lists("() => { throw new Error('no inventory'); }") }));
    expect(await (await next).machines).toBeUndefined();
    expect(await at.text('who')).toBe('B');
  });
});
