/**
 * Lists the keys in which two configs differ, and those that a running server cannot apply. Changes nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import { formatPath } from '../base/issue.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { ReadyPlugin } from '../plugin/ready.ts';

export interface Changes {
  /** Keys whose values differ, by their full path (`tftp.limits.retries`), without `plugins`. */
  readonly keys: readonly string[];
  /** Plugins by name: added, removed, and with other options or in another position. */
  readonly plugins: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
  };
  /** Keys that differ, also from the running server's values, but take effect only after a restart; with the reason. */
  readonly later: readonly { readonly key: string; readonly reason: string }[];
}

const needsRestart: Readonly<Record<string, string>> = {
  'tftp.singlePort': 'open sockets keep their settings',
  'tftp.transferPorts': 'open sockets keep their settings',
  'tftp.dscp': 'open sockets keep their settings',
  'tftp.transport': 'transfers cannot move from one transport to another',
  cacheBytes: 'the cache is shared by all generations',
  user: 'privileges cannot be regained once they are dropped',
};

/** Settings of the server's start, which later configs do not change. */
export interface Running {
  readonly config: ResolvedConfig;
  readonly inheritedSockets: boolean;
}

export function changesBetween(
  before: ResolvedConfig,
  after: ResolvedConfig,
  { config: running, inheritedSockets }: Running,
): Changes {
  const keys = changedKeys({ ...before, plugins: [] }, { ...after, plugins: [] });
  const reasons = {
    ...needsRestart,
    ...(inheritedSockets ? { 'tftp.listen': 'the sockets came from the service manager' } : {}),
  };
  const later = Object.entries(reasons).flatMap(([key, reason]) => {
    // A key that was changed back has the running value.
    const differs = [before, running].every((config) => !same(valueAt(config, key), valueAt(after, key)));
    return differs ? [{ key, reason }] : [];
  });
  return { keys, plugins: pluginChanges(before.plugins, after.plugins), later };
}

/** The deepest paths: a change within a section names the key, not the section. */
function changedKeys(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (same(before, after)) return [];
  if (!isPlainObject(before) || !isPlainObject(after)) return [formatPath(path)];
  const all = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...all].flatMap((key) => changedKeys(before[key], after[key], [...path, key]));
}

function valueAt(config: unknown, key: string): unknown {
  return key.split('.').reduce((value, name) => (isPlainObject(value) ? value[name] : undefined), config);
}

/** Plugins of the same name are distinguished by their order. */
function pluginChanges(before: readonly ReadyPlugin[], after: readonly ReadyPlugin[]): Changes['plugins'] {
  const old = numbered(before);
  const now = numbered(after);
  return {
    added: [...now.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !now.has(name)),
    changed: [...now].flatMap(([name, plugin]) => {
      const earlier = old.get(name);
      return earlier && !samePlugin(earlier, plugin) ? [name] : [];
    }),
  };
}

function numbered(plugins: readonly ReadyPlugin[]): Map<string, ReadyPlugin> {
  const counts = new Map<string, number>();
  return new Map(
    plugins.map((ready) => {
      const { name } = ready.plugin;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      return [count === 1 ? name : `${name} (${count})`, ready];
    }),
  );
}

function samePlugin(a: ReadyPlugin, b: ReadyPlugin): boolean {
  return same(a.plugin.options, b.plugin.options) && String(a.plugin.definition.setup) === String(b.plugin.definition.setup);
}

/** Functions are new objects after each load, so they are compared by their text. */
function same(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(withTexts(a), withTexts(b));
}

function withTexts(value: unknown): unknown {
  if (typeof value === 'function') return String(value);
  if (Array.isArray(value)) return value.map(withTexts);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withTexts(part)]));
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
