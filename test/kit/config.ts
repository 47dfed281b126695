/**
 * Configs as this server reads them: the config layer, with the sections of every protocol.
 */

import { stripTypes } from '../../src/cli/strip-types.ts';
import type { Config } from '../../src/config/config.ts';
import { type LoadedConfig, type LoadOptions, load as loadBy } from '../../src/config/load.ts';
import { type ResolvedConfig, type ResolveOptions, resolveConfig as resolveBy } from '../../src/config/resolve.ts';
import { configSchema } from '../../src/server/config-schema.ts';

export function resolveConfig(input: Config, options: Omit<ResolveOptions, 'schema'>): ResolvedConfig {
  return resolveBy(input, { ...options, schema: configSchema });
}

type Options = Omit<LoadOptions, 'schema' | 'plugins' | 'stripTypes'>;

export async function load(options: Options & { readonly file: string }): Promise<LoadedConfig>;
export async function load(options: Options): Promise<LoadedConfig | undefined>;
export async function load(options: Options): Promise<LoadedConfig | undefined> {
  return loadBy({ ...options, schema: configSchema, plugins: () => import('pxe/plugins'), stripTypes });
}
