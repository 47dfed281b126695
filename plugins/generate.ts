/**
 * Generates files for each machine by a function or from a template. The bytes are made before the first reply, so their size is
 * known. It opens no file under the root, and leaves it to `identify` and `hosts` to find out about the machine.
 */
import { resolve } from 'node:path';
import { definePlugin, type Hooks } from 'pxe';
import { unknownVariables } from './generate/check.ts';
import { contextOf } from './generate/context.ts';
import { type GenerateOptions, generateSchema, isLong } from './generate/options.ts';
import { Probes } from './generate/probes.ts';
import { type Rule, readRules } from './generate/rules.ts';
import { hasWildcard } from './lib/glob.ts';
import { nameFold } from './lib/name.ts';
import { allButNames, trustedClient, trustIn } from './lib/trust.ts';

export const generate = definePlugin({
  name: 'generate',
  options: generateSchema,
  async setup(written, { configDir, watch, caseInsensitive }): Promise<Hooks> {
    const { files, trust }: GenerateOptions = isLong(written) ? written : { files: written };
    const prefix = isLong(written) ? ['files'] : [];
    const fold = nameFold(caseInsensitive);
    const rules = await readRules(files, { absolute: (path) => resolve(configDir, path), watch, fold });
    const exact = new Map<string, Rule>();
    for (const rule of rules) {
      const name = fold(rule.glob.pattern);
      // If a name is given in two spellings, the first counts.
      if (!hasWildcard(name) && !exact.has(name)) exact.set(name, rule);
    }
    const globs = rules.filter(({ glob }) => hasWildcard(glob.pattern));
    const find = (name: string) => {
      const rule = exact.get(fold(name));
      if (rule) return { rule, match: [] };
      for (const rule of globs) {
        const match = rule.glob.match(name);
        if (match) return { rule, match };
      }
      return undefined;
    };
    const probes = new Probes();
    return {
      async open(request, call) {
        const found = find(request.name);
        const client = found && trustedClient(request.client, trust === undefined ? allButNames : trustIn(trust));
        if (found === undefined || client === undefined) return undefined;
        const kept = probes.take(request);
        if (kept) return kept;
        const made = await found.rule.make(contextOf({ ...request, client }, call, found.match, found.rule.variables));
        if (made === undefined) return undefined;
        if (typeof made !== 'string' && !(made instanceof Uint8Array))
          throw new Error(`${found.rule.key}: must return text, bytes or nothing`);
        const bytes = typeof made === 'string' ? new TextEncoder().encode(made) : made;
        probes.keep(request, bytes);
        return bytes;
      },
      end: (summary) => probes.ended(summary),
      names: () => [...exact.values()].map(({ glob }) => glob.pattern),
      check: async (call) => unknownVariables(rules, prefix, call, await call.clients()),
    };
  },
});
