/**
 * Finds and reads the config file, whatever its kind, by means of cosmiconfig. Does not check its content.
 */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { cosmiconfig, defaultLoaders, type Loader } from 'cosmiconfig';
import { ConfigError } from './error.ts';
import type { FreshImports } from './import.ts';
import { hintFor, missingPluginOf, placeOf } from './place.ts';
import type { FirstPartyPlugins } from './reference.ts';

/** File names searched in each folder, in this order. In `package.json` the config is the key `pxe`. */
export const configFileNames = [
  'pxe.config.ts',
  'pxe.config.mts',
  'pxe.config.js',
  'pxe.config.mjs',
  'pxe.config.json',
  'pxe.config.yaml',
  'pxe.config.yml',
  'package.json',
] as const;

/** A config as written. */
export interface FoundConfig {
  /** Absolute. */
  readonly file: string;
  readonly input: unknown;
}

/**
 * Searches `folder`, then its parents up to the project's root, which is the first folder with a `package.json` or a `.git`.
 * Throws a `ConfigError` if the first file found cannot be read.
 * @returns `undefined` if there is none
 */
export async function findConfig(
  folder: string,
  imports: FreshImports,
  plugins: FirstPartyPlugins,
): Promise<FoundConfig | undefined> {
  const explorer = makeExplorer(imports, plugins);
  for (let current = folder; ; current = dirname(current)) {
    const found = await explorer.search(current);
    if (found) return taken(found.filepath, found, imports);
    if (isProjectRoot(current) || dirname(current) === current) return undefined;
  }
}

/** Reads one file. Throws a `ConfigError`. */
export async function readConfig(file: string, imports: FreshImports, plugins: FirstPartyPlugins): Promise<FoundConfig> {
  imports.note(file);
  try {
    return taken(file, await makeExplorer(imports, plugins).load(file), imports);
  } catch (error) {
    throw error instanceof ConfigError ? error : await unreadable(file, error, imports, plugins);
  }
}

function makeExplorer(imports: FreshImports, plugins: FirstPartyPlugins) {
  const load =
    (loader: Loader): Loader =>
    async (file, text) => {
      imports.note(file);
      try {
        return await loader(file, text);
      } catch (error) {
        // Wrapping the error also prevents cosmiconfig from taking an ENOENT from within a config for a missing config, and from
        // searching on.
        throw await unreadable(file, error, imports, plugins);
      }
    };
  const program = load(async (file) => {
    const exports = await imports.import(file);
    // cosmiconfig would await a promise, possibly forever.
    if (exports.default instanceof Promise) {
      throw new ConfigError(file, [
        { path: [], message: 'expected a config object, found a promise', hint: 'write `await` before it' },
      ]);
    }
    if ('default' in exports) return exports.default;
    throw new ConfigError(file, [
      { path: [], message: 'has no default export', hint: 'write `export default defineConfig({ … })`' },
    ]);
  });
  const { '.json': json, '.yaml': yaml } = defaultLoaders;
  return cosmiconfig('pxe', {
    searchPlaces: [...configFileNames],
    searchStrategy: 'none',
    cache: false,
    ignoreEmptySearchPlaces: false,
    loaders: {
      '.ts': program,
      '.mts': program,
      '.js': program,
      '.mjs': program,
      '.json': load(json),
      '.yaml': load(yaml),
      '.yml': load(yaml),
    },
  });
}

function taken(
  file: string,
  found: { readonly config: unknown; readonly isEmpty?: boolean } | null,
  imports: FreshImports,
): FoundConfig {
  imports.note(file);
  const { files } = imports;
  if (found === null)
    throw new ConfigError(
      file,
      [{ path: [], message: 'contains no config', hint: 'in package.json, the config belongs under the key "pxe"' }],
      {
        files,
      },
    );
  if (found.isEmpty && found.config === undefined) throw new ConfigError(file, [{ path: [], message: EMPTY }], { files });
  return { file, input: found.config };
}

async function unreadable(
  file: string,
  error: unknown,
  imports: FreshImports,
  firstParty: FirstPartyPlugins,
): Promise<ConfigError> {
  if (error instanceof ConfigError)
    return new ConfigError(error.file, error.issues, { place: error.place, files: imports.files });
  const { files, missing } = imports;
  const place = placeOf(error, [file, ...files], missing);
  const plugins = missingPluginOf(error) === undefined ? [] : Object.keys(await firstParty());
  const issue = { path: [], message: messageOf(error, file), hint: hintFor(error, missing, plugins) };
  return new ConfigError(file, [issue], { place, files, cause: error });
}

function messageOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  const { code, path } = error as { code?: unknown; path?: unknown };
  if (code === 'ENOENT' && path === file) return 'no such file';
  if (code === 'EACCES' && typeof path === 'string')
    return `permission denied: ${currentUser()} cannot read ${path === file ? 'it' : path}`;
  const { reason } = error as { reason?: unknown };
  if (typeof reason === 'string') return /the input is empty/.test(reason) ? EMPTY : reason;
  return (
    error.message
      .replace(/^(JSON|YAML) Error in [^\n]*:\n/, '')
      // The location is reported separately.
      .replace(/^(\w)(.*) in JSON at position .*$/s, (_, first: string, rest: string) => first.toLowerCase() + rest)
      .replace(/^Unexpected token ('.+?'), .* is not valid JSON$/s, 'unexpected $1')
      .replace(/\s+/g, ' ')
      .trim() || error.name
  );
}

/** A server that has given up root may no longer be able to read files that it could read at its start. */
function currentUser(): string {
  try {
    return `user "${userInfo().username}"`;
  } catch {
    // The export has no name.
    return 'this user';
  }
}

const EMPTY = 'is empty; a config needs at least the folder to serve: rootDir: ./tftpboot';

function isProjectRoot(folder: string): boolean {
  return existsSync(join(folder, 'package.json')) || existsSync(join(folder, '.git'));
}
