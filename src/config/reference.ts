/**
 * Plugins named in a config that is not a program: `{ "use": "hosts", "options": { … } }` becomes what `hosts({ … })` returns.
 */
import { resolve } from 'node:path';
import { type Issue, show } from '../base/issue.ts';
import { nearest } from '../base/nearest.ts';
import { isPlugin } from '../plugin/define.ts';
import type { FreshImports } from './import.ts';
import { placeOf } from './place.ts';

/**
 * Loads the plugins that names without a path refer to. They depend on this package, so the caller provides them, and only on
 * demand, because a config that is a program imports them itself.
 */
export type FirstPartyPlugins = () => Promise<Readonly<Record<string, unknown>>>;

export interface ResolvedReferences {
  /** The config with each found reference replaced by its plugin. */
  readonly input: unknown;
  readonly issues: readonly Issue[];
}

/** @param dir absolute; `./my-plugin.ts` is relative to it */
export async function resolveReferences(
  input: unknown,
  dir: string,
  imports: FreshImports,
  firstParty: FirstPartyPlugins,
): Promise<ResolvedReferences> {
  const plugins = (input as { plugins?: unknown } | null | undefined)?.plugins;
  if (!Array.isArray(plugins) || !plugins.some(isReference)) return { input, issues: [] };
  const issues: Issue[] = [];
  const resolved: unknown[] = [];
  for (const [index, entry] of plugins.entries()) {
    const path = ['plugins', index];
    const load = (module: string | undefined) => (module === undefined ? firstParty() : imports.import(resolve(dir, module)));
    const result = isReference(entry) ? await resolveReference(entry, { load, imports, path }) : { plugin: entry, issues: [] };
    issues.push(...result.issues);
    resolved.push(result.plugin);
  }
  return { input: { ...(input as object), plugins: resolved }, issues };
}

interface ReferenceContext {
  /** The exports of a module; `undefined` means the first-party plugins. */
  load(module: string | undefined): Promise<Readonly<Record<string, unknown>>>;
  readonly imports: FreshImports;
  /** Path of the reference in the config. */
  readonly path: readonly PropertyKey[];
}

type Resolved = { readonly plugin: unknown; readonly issues: readonly Issue[] };

async function resolveReference(
  entry: Readonly<Record<string, unknown>>,
  { load, imports, path }: ReferenceContext,
): Promise<Resolved> {
  const issues: Issue[] = Object.keys(entry)
    .filter((key) => key !== 'use' && key !== 'options')
    .map((key) => ({ path: [...path, key], message: 'unknown key', hint: 'valid keys: use, options' }));
  const fail = (message: string, hint?: string): Resolved => ({
    plugin: entry,
    issues: [...issues, { path: [...path, 'use'], message, hint }],
  });
  const { use } = entry;
  if (typeof use !== 'string') return fail(`expected a string, found ${show(use)}`);
  const [module, name] = split(use);
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await load(module);
  } catch (error) {
    const at = placeOf(error, imports.files, imports.missing);
    const where = at ? `${at.file}:${at.line}: ` : '';
    return fail(`cannot be imported: ${where}${error instanceof Error ? error.message : String(error)}`);
  }
  const factory = exports[name];
  if (typeof factory !== 'function') {
    const names = Object.keys(exports).filter((key) => typeof exports[key] === 'function');
    const near = nearest(name, names);
    return fail(
      `there is no plugin named ${show(name)}`,
      near === undefined ? `there are: ${names.join(', ') || 'none'}` : `did you mean ${JSON.stringify(near)}?`,
    );
  }
  try {
    const plugin: unknown = factory(entry.options);
    return isPlugin(plugin) ? { plugin, issues } : fail(`${name} is not a plugin: it returned ${show(plugin)}`);
  } catch (error) {
    return fail(`${name} threw: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** `hosts` → an export of `pxe/plugins`; `./my-plugin.ts#greet` → an export of that module, by default its default export. */
function split(use: string): [module: string | undefined, name: string] {
  if (!/^(\.{1,2})?\//.test(use)) return [undefined, use];
  const hash = use.lastIndexOf('#');
  return hash < 0 ? [use, 'default'] : [use.slice(0, hash), use.slice(hash + 1)];
}

function isReference(entry: unknown): entry is Readonly<Record<string, unknown>> {
  return typeof entry === 'object' && entry !== null && 'use' in entry && !isPlugin(entry);
}
