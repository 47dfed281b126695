/** One first-party plugin in a pipeline, with a root of names. */

import type { Plugin } from '../../src/plugin/define.ts';
import { readyPlugins } from '../../src/plugin/ready.ts';
import type { Trace } from '../../src/plugin/trace.ts';
import type { ReadRequest } from '../../src/plugin/types.ts';
import { codeOf } from '../../src/tftp/protocol/refusal.ts';
import { environment, fakeFolder, readRequest, start } from '../plugin/support.ts';

/** What a client of an address (and perhaps a MAC address) gets for a name: what is served, or `ERROR 1`. */
export async function serving(plugin: Plugin, names: readonly string[]) {
  const opened: { closed: number }[] = [];
  const root = fakeFolder(Object.fromEntries(names.map((name) => [name, name])), opened as never);
  const env = environment({ root });
  const pipeline = await start([plugin], env);
  return {
    env,
    pipeline,
    async get(name: string, client: Partial<ReadRequest['client']> = {}, trace: Trace = []): Promise<string> {
      const { served, content, error } = await pipeline.route(readRequest(name, client), { trace });
      await content?.close();
      if (opened.some(({ closed }) => closed !== 1)) throw new Error('content was opened and not closed once');
      return error ? `ERROR ${codeOf(error)}` : served;
    },
  };
}

export function issuesOf(plugin: Plugin): string[] {
  return readyPlugins([plugin]).issues.map(({ path, message }) => `${path.slice(3).map(String).join('.')}: ${message}`);
}
