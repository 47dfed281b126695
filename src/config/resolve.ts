/**
 * Resolves a written config to the one that the server uses: checked, with defaults and absolute paths, and frozen. Reads no
 * file.
 */
import { basename, resolve } from 'node:path';
import type { z } from 'zod';
import { check } from '../base/check-input.ts';
import { formatPath, type Issue, type Place } from '../base/issue.ts';
import { type ReadyPlugin, readyPlugins } from '../plugin/ready.ts';
import type { Config } from './config.ts';
import { ConfigError } from './error.ts';
import type { ConfigSchema, GeneralSchema } from './schema.ts';

/** Checked sections. Each protocol adds its own by declaration merging. */
// biome-ignore lint/suspicious/noEmptyInterface: protocols add to it
export interface ResolvedSections {}

/** A complete config. Deep-frozen, except the options of plugins, which belong to them. */
export type ResolvedConfig = DeepReadonly<Omit<z.output<GeneralSchema>, 'plugins'> & ResolvedSections> & {
  /** Absolute; the folder that relative paths were resolved against. */
  readonly dir: string;
  readonly plugins: readonly ReadyPlugin[];
};

export interface ResolveOptions {
  readonly schema: ConfigSchema;
  /** Absolute; relative paths start here. */
  readonly dir: string;
  /** For messages. */
  readonly file?: string | undefined;
  /** Problems found earlier, which are reported together with new ones. */
  readonly issues?: readonly Issue[] | undefined;
  /** Returns the place of a key in the config's text, if known. */
  placeOf?(path: readonly PropertyKey[]): Place | undefined;
  /** {@link ConfigError.files} */
  readonly files?: readonly string[] | undefined;
}

/** Throws a `ConfigError` with all problems of the config and of its plugins' options. */
export function resolveConfig(input: Config, options: ResolveOptions): ResolvedConfig {
  const { dir, schema } = options;
  const result = check(schema.object, input);
  const plugins = readyPlugins(pluginsOf(input));
  const known = options.issues ?? [];
  const issues = [
    ...(result.issues ?? []).map((issue) => withNewPlace(issue, options)),
    ...known,
    ...plugins.issues.filter(({ path }) => !known.some((other) => samePlugin(other.path, path))),
  ];
  if (issues.length > 0 || result.issues)
    throw new ConfigError(options.file, withKeyOf(options.file, issues), { files: options.files });
  const { rootDir, uploads, ...rest } = result.value as typeof result.value & ResolvedSections;
  return freeze({
    ...rest,
    dir,
    rootDir: resolve(dir, rootDir),
    uploads: uploads && { ...uploads, dir: resolve(dir, uploads.dir) },
    plugins: Object.freeze(plugins.plugins.map((plugin) => Object.freeze(plugin))),
  });
}

/** A moved key is unknown at its old place. */
function withNewPlace(issue: Issue, { schema, placeOf }: ResolveOptions): Issue {
  const { path } = issue;
  const moved = schema.moved[formatPath(path)];
  return moved === undefined ? issue : { path, place: placeOf?.(path), message: `moved to ${moved}` };
}

function withKeyOf(file: string | undefined, issues: readonly Issue[]): readonly Issue[] {
  const within = ({ place }: Issue) => place === undefined || place.file === file;
  return issues.map((issue) => (within(issue) ? { ...issue, path: pathInFile(file, issue.path) } : issue));
}

/** A path within the file: in `package.json`, the config is the value of a key. */
export function pathInFile(file: string | undefined, path: readonly PropertyKey[]): readonly PropertyKey[] {
  return file !== undefined && basename(file) === 'package.json' ? ['pxe', ...path] : path;
}

type DeepReadonly<T> = T extends object ? { readonly [key in keyof T]: DeepReadonly<T[key]> } : T;

/** Checks the plugins' options even if other keys are wrong, so that one run reports all problems. */
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
