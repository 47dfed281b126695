/**
 * Serves names under a prefix from an HTTP(S) server or object store through a cache folder. This file only connects the mirror
 * to the pipeline; `http-origin/mirror.ts` decides where the bytes come from.
 */
import { resolve } from 'node:path';
import { definePlugin, type Hooks, NOT_FOUND } from 'pxe';
import { leaseMirror } from './http-origin/lease.ts';
import { Location } from './http-origin/location.ts';
import { headersFrom, originOptions } from './http-origin/options.ts';

export const httpOrigin = definePlugin({
  name: 'http-origin',
  options: originOptions,
  async setup(options, { configDir, folder: folderAt, log, onDispose }): Promise<Hooks> {
    // Loaded only if there is an origin: Node's HTTP takes eight megabytes.
    const [{ findingsOf }, { Mirror }, { Origin }, { Store }] = await Promise.all([
      import('./http-origin/check.ts'),
      import('./http-origin/mirror.ts'),
      import('./http-origin/origin.ts'),
      import('./http-origin/store.ts'),
    ]);
    const { prefix, fallThrough } = options;
    const cacheDir = resolve(configDir, options.cacheDir);
    const folder = folderAt(cacheDir);
    const location = new Location(options.url, options.redirectHosts);
    const headers = headersFrom(options, process.env);
    const lease = leaseMirror(JSON.stringify([options, cacheDir, headers]), () => {
      const origin = new Origin({ ...options, location, headers });
      return new Mirror({ ...options, origin, store: new Store(cacheDir, options.cacheBytes) });
    });
    onDispose(() => lease.release());
    return {
      async open({ name }, { signal }) {
        if (!name.startsWith(prefix) || name === prefix) return undefined;
        const url = location.urlOf(name.slice(prefix.length));
        const content = url && (await lease.mirror.open(url, { folder, log, signal }));
        if (content || fallThrough) return content;
        throw NOT_FOUND;
      },
      check: () => findingsOf(options, cacheDir, headers),
    };
  },
});
