/**
 * Loads a config from a file and resolves it. Each call reads and imports everything again; no state is kept between calls.
 */
import { dirname, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { show } from '../base/issue.ts';
import type { Config } from './config.ts';
import { ConfigError } from './error.ts';
import { findConfig, readConfig } from './find.ts';
import { FreshImports } from './import.ts';
import { keyPlace, type StripTypes } from './key-place.ts';
import { type FirstPartyPlugins, resolveReferences } from './reference.ts';
import { type ResolvedConfig, resolveConfig } from './resolve.ts';
import type { ConfigSchema } from './schema.ts';

export interface LoadOptions {
  /** Absolute path of the config. If omitted, the config is searched. */
  readonly file?: string | undefined;
  /** Absolute path; the search begins here and goes up to the project's root. */
  readonly folder: string;
  readonly clock: Clock;
  readonly schema: ConfigSchema;
  readonly plugins: FirstPartyPlugins;
  readonly stripTypes: StripTypes;
  /** Time limit of each import. Default 10000, as that of a plugin's `setup`. */
  readonly timeoutMs?: number | undefined;
  /**
   * Changes the content of the file before it is checked, for flags of the command line. Relative paths start at the config's
   * folder.
   */
  override?(input: Config): Config;
}

export interface LoadedConfig {
  /** Absolute. */
  readonly file: string;
  readonly config: ResolvedConfig;
  /** Absolute paths of the config, the project files that it imports, and those that were not found. */
  readonly files: readonly string[];
}

/**
 * Loads a config. Throws a `ConfigError`, whose `files` are to be watched for a correction.
 * @returns `undefined` if no `file` was given and none was found
 */
export async function load(options: LoadOptions & { readonly file: string }): Promise<LoadedConfig>;
export async function load(options: LoadOptions): Promise<LoadedConfig | undefined>;
export async function load(options: LoadOptions): Promise<LoadedConfig | undefined> {
  const imports = new FreshImports({ clock: options.clock, timeoutMs: options.timeoutMs ?? 10_000 });
  const found =
    options.file === undefined
      ? await findConfig(options.folder, imports, options.plugins)
      : await readConfig(resolve(options.folder, options.file), imports, options.plugins);
  if (found === undefined) return undefined;
  const { file } = found;
  const dir = dirname(file);
  if (!isObject(found.input)) throw notAnObject(file, found.input, imports.files);
  const plain = withoutSchema(found.input);
  const written = options.override?.(plain as Config) ?? plain;
  const { input, issues } = await resolveReferences(written, dir, imports, options.plugins);
  const { files } = imports;
  const placeOf = (path: readonly PropertyKey[]) => keyPlace(file, path, options.stripTypes);
  return { file, files, config: resolveConfig(input as Config, { dir, file, issues, files, placeOf, schema: options.schema }) };
}

/** A JSON or YAML config may name its JSON Schema for an editor. */
function withoutSchema(input: unknown): unknown {
  const { $schema, ...config } = input as { readonly $schema?: unknown };
  return typeof $schema === 'string' ? config : input;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notAnObject(file: string, input: unknown, files: readonly string[]): ConfigError {
  const hint = typeof input === 'function' ? 'export what it returns, not the function' : undefined;
  return new ConfigError(file, [{ path: [], message: `expected a config object, found ${show(input)}`, hint }], { files });
}
