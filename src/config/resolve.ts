/**
 * From what a user wrote to what the server works with: checked, with defaults, absolute paths, and frozen. Reads no file.
 */
import { basename, resolve } from 'node:path';
import type { z } from 'zod';
import { check } from '../base/check-input.ts';
import type { Issue } from '../base/issue.ts';
import { type ReadyPlugin, readyPlugins } from '../plugin/ready.ts';
import type { Config } from './config.ts';
import { ConfigError } from './error.ts';
import { configSchema } from './schema.ts';

/** A config with nothing left open. Deep-frozen, save for the options of plugins, which belong to them. */
export type ResolvedConfig = DeepReadonly<Omit<z.output<typeof configSchema>, 'plugins'>> & {
  /** Absolute: what relative paths started from. */
  readonly dir: string;
  readonly plugins: readonly ReadyPlugin[];
};

export interface ResolveOptions {
  /** Absolute: relative paths start here. */
  readonly dir: string;
  /** For messages. */
  readonly file?: string | undefined;
  /** Problems that were found before; reported together with those found now. */
  readonly issues?: readonly Issue[] | undefined;
  /** {@link ConfigError.files} */
  readonly files?: readonly string[] | undefined;
}

/** Throws a `ConfigError` that holds every problem of the config and of the options of all its plugins. */
export function resolveConfig(input: Config, options: ResolveOptions): ResolvedConfig {
  const { dir } = options;
  const result = check(configSchema, input);
  const plugins = readyPlugins(pluginsOf(input));
  const known = options.issues ?? [];
  const issues = [
    ...(result.issues ?? []),
    ...known,
    ...plugins.issues.filter(({ path }) => !known.some((other) => samePlugin(other.path, path))),
  ];
  if (issues.length > 0 || result.issues)
    throw new ConfigError(options.file, withKeyOf(options.file, issues), { files: options.files });
  const { rootDir, uploads, ...rest } = result.value;
  return freeze({
    ...rest,
    dir,
    rootDir: resolve(dir, rootDir),
    uploads: uploads && { ...uploads, dir: resolve(dir, uploads.dir) },
    plugins: Object.freeze(plugins.plugins.map((plugin) => Object.freeze(plugin))),
  });
}

/** In `package.json` a config is the value of a key. */
function withKeyOf(file: string | undefined, issues: readonly Issue[]): readonly Issue[] {
  if (file === undefined || basename(file) !== 'package.json') return issues;
  return issues.map((issue) => (issue.place ? issue : { ...issue, path: ['pxe', ...issue.path] }));
}

type DeepReadonly<T> = T extends object ? { readonly [key in keyof T]: DeepReadonly<T[key]> } : T;

/** Checks the plugins' options even where other keys are wrong, so that one run tells all. */
function pluginsOf(input: unknown): readonly unknown[] {
  const plugins = (input as { plugins?: unknown } | null | undefined)?.plugins;
  return Array.isArray(plugins) ? plugins : [];
}

function samePlugin(a: readonly PropertyKey[], b: readonly PropertyKey[]): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
