/**
 * The config of a command: found or named, with the flags of the command line applied.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { expectAnswers } from '../config/answering.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/error.ts';
import { type LoadedConfig, type LoadOptions, load } from '../config/load.ts';
import { type ResolvedConfig, resolveConfig } from '../config/resolve.ts';
import { configSchema } from '../server/config-schema.ts';
import type { Listen, TftpConfig } from '../tftp/config.ts';
import { EXIT, ExitError } from './exit.ts';
import { stripTypes } from './strip-types.ts';

/** Flags that override keys of the config. */
export interface Overrides {
  readonly config?: string;
  readonly interface?: readonly string[];
  readonly port?: number;
  readonly rootDir?: string;
  readonly verbose?: boolean;
}

export const configOption = () =>
  new Option('-c, --config <file>', 'config file; default: pxe.config.ts (.mts .js .mjs .json .yaml) in this folder or above');
export const interfaceOption = () =>
  new Option('-i, --interface <name>', 'address or interface to listen on; may be given several times').argParser(
    (value: string, all: readonly string[] = []) => [...all, value],
  );
export const portOption = () => new Option('-p, --port <number>', 'UDP port to listen on').argParser(parsePort);
export const rootDirOption = () => new Option('-r, --root-dir <folder>', 'folder to serve');
export const jsonOption = (what: string) => new Option('--json', what);

/** A config to work with. */
export interface Settings {
  /** Absolute; `undefined` if flags replace the config. */
  readonly file: string | undefined;
  /** The files of the config. */
  readonly files: readonly string[];
  readonly config: ResolvedConfig;
  /** When reading it began, ms since the epoch. */
  readonly since: number;
}

/** Reads the config and applies the flags. Throws an `ExitError` with all problems. */
export async function loadSettings(flags: Overrides): Promise<Settings> {
  const since = systemClock.wallTime();
  try {
    const loaded = await load(loadOptions(flags));
    if (loaded) return { ...loaded, since };
    const dir = resolve('.');
    if (flags.rootDir === undefined) throw new ExitError(EXIT.usage, noConfig(dir));
    // Without a config, transfers are logged by default.
    const { accessLog } = await import('pxe/plugins');
    return {
      file: undefined,
      files: [],
      config: resolveConfig(overridden({ plugins: [accessLog()] }, flags), { dir, schema: configSchema }),
      since,
    };
  } catch (error) {
    if (error instanceof ConfigError) throw new ExitError(EXIT.usage, error.message, { cause: error });
    throw error;
  }
}

/** Reads the same config again. Throws a `ConfigError`. @param files its files */
export async function reloadSettings(flags: Overrides, file: string, files: readonly string[]): Promise<LoadedConfig> {
  await expectAnswers(file, files, systemClock);
  return load({ ...loadOptions(flags), file });
}

function loadOptions(flags: Overrides): LoadOptions {
  const override = (config: Config) => overridden(config, flags);
  const handedIn = { clock: systemClock, schema: configSchema, plugins: () => import('pxe/plugins'), stripTypes };
  return { folder: resolve('.'), file: flags.config, ...handedIn, override };
}

/** Applies the flags to a config. */
function overridden(config: Config, { interface: names, port, rootDir, verbose }: Overrides): Config {
  return {
    ...config,
    ...(rootDir === undefined ? {} : { rootDir: resolve(rootDir) }),
    ...(verbose ? { log: { ...config.log, level: 'debug' } } : {}),
    ...(names === undefined && port === undefined ? {} : { tftp: listening(config.tftp, names, port) }),
  };
}

/** Nothing is checked yet: invalid values are kept and reported later. */
function listening(tftp: TftpConfig = {}, names: readonly string[] | undefined, port: number | undefined): TftpConfig {
  const written: readonly Listen[] = tftp.listen ?? ALL_ADDRESSES;
  if (!Array.isArray(written)) return tftp;
  const named = names?.map((name) => (isIP(name.split('%')[0] ?? '') ? { address: name } : { interface: name }));
  // If the config sets a port, it also applies to an interface named by a flag.
  const at = port ?? tftp.listen?.[0]?.port;
  return { ...tftp, listen: (named ?? written).map((on) => (at === undefined ? on : { ...on, port: at })) };
}

const ALL_ADDRESSES: readonly Listen[] = [{ address: '0.0.0.0' }, { address: '::' }];

function parsePort(value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port > 65535) throw new InvalidArgumentError('expected a number from 0 to 65535');
  return port;
}

function noConfig(folder: string): string {
  return `no config found in ${folder} or above
  give a folder to serve:  pxe serve --root-dir ./tftpboot
  or write pxe.config.ts:  export default { rootDir: './tftpboot' };
  or name a config:        pxe serve --config FILE`;
}
