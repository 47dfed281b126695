/**
 * How much a process grows with each reload; run by `reload-latency.ts`, in a process of its own for each way of reloading:
 *
 *     node scripts/lib/heap-growth.ts WAY RELOADS        prints { heap, resident, generations }: bytes for each
 * reload, and generations that are still in memory at the end
 *
 * - `node`: Node's own import of the config and its plugin under new URLs, `setup` run once: what no program can avoid
 * - `loader`: the same two files imported by the config loader
 * - `server`: a server with its watcher; each reload begins with a save
 */
import { registerHooks } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock as clock } from '../../src/base/clock.ts';
import { FreshImports } from '../../src/config/import.ts';
import { FileWatcher } from '../../src/config/watch.ts';
import type { Plugin } from '../../src/plugin/define.ts';
import type { PluginContext } from '../../src/plugin/types.ts';
import { createResolvedServer } from '../../src/server/create.ts';
import { Reloader } from '../../src/server/reloader.ts';
import { Generation } from '../../src/service/generation.ts';
import { load } from '../../test/kit/config.ts';
import { ConfigFolder, configText } from '../../test/kit/config-folder.ts';

/** What is only made once must not count. */
const WARM_UP = 100;

const [way, reloads] = process.argv.slice(2);
using folder = new ConfigFolder();
const save = (state: number) => folder.save(folder.config, configText({ ports: [0], state }));
save(0);
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const { step, stop } = await prepare();
for (let number = 1; number <= WARM_UP; number++) await step(number);
const before = await settledMemory();
for (let number = 1; number <= Number(reloads); number++) await step(WARM_UP + number);
const after = await settledMemory();
const generations = queryObjects(Generation);
await stop();
process.stdout.write(
  JSON.stringify({
    heap: (after.heapUsed + after.external - before.heapUsed - before.external) / Number(reloads),
    resident: (after.rss - before.rss) / Number(reloads),
    generations,
  }),
);

/** One reload, and what ends it all. */
async function prepare(): Promise<{ step(number: number): Promise<void>; stop(): Promise<void> }> {
  const stop = async () => {};
  switch (way) {
    case 'node':
      return { step: importByNode(), stop };
    case 'loader':
      return { step: importByLoader, stop };
    case 'server':
      return await startServer();
    default:
      throw new Error(`way: ${way}`);
  }
}

function importByNode(): (number: number) => Promise<void> {
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'pxe') return { url: import.meta.resolve('../../src/index.ts'), shortCircuit: true };
      const found = next(specifier, context);
      const query = specifier.startsWith('./') && context.parentURL ? new URL(context.parentURL).search : '';
      return query === '' ? found : { ...found, url: found.url + query };
    },
  });
  return async (number) => {
    save(number);
    await setUp(await import(`${pathToFileURL(folder.config)}?${number}`));
  };
}

async function importByLoader(number: number): Promise<void> {
  save(number);
  await setUp(await new FreshImports({ clock, timeoutMs: 10_000 }).import(folder.config));
}

/** Runs what a server would run of the plugin: code is compiled when it first runs, and kept with its module. */
async function setUp(module: Readonly<Record<string, unknown>>): Promise<void> {
  const [plugin] = (module.default as { readonly plugins: readonly Plugin[] }).plugins;
  const disposals: (() => unknown)[] = [];
  const context = { configDir: folder.dir, watch() {}, onDispose: (dispose: () => unknown) => void disposals.unshift(dispose) };
  await plugin!.definition.setup(plugin!.options, context as unknown as PluginContext);
  for (const dispose of disposals) await dispose();
}

async function startServer(): Promise<{ step(number: number): Promise<void>; stop(): Promise<void> }> {
  const options = { folder: folder.dir, file: folder.config, clock };
  const since = clock.wallTime();
  const { config, files } = await load(options);
  const server = createResolvedServer(config);
  await server.start();
  const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  const watcher = (changed: (files: readonly string[]) => void) => new FileWatcher({ clock, changed, onEventsLost: raise });
  const reloader = new Reloader({ server, log, clock, load: () => load(options), watcher }, files);
  await reloader.start(since);
  let done = () => {};
  server.on('reload', () => done());
  return {
    async step(number) {
      const reloaded = new Promise<void>((resolve) => {
        done = resolve;
      });
      save(number);
      await reloaded;
    },
    async stop() {
      await reloader.stop();
      await server.stop(0);
    },
  };
}

function raise(error: unknown): never {
  throw error;
}

async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  for (let turn = 0; turn < 5; turn++) {
    collect();
    await sleep(50);
  }
  return process.memoryUsage();
}
