/**
 * What a user writes in `pxe.config.ts`. An editor shows these comments; `npm run docs` writes those of the keys from
 * `schema.ts`, which checks the keys and contains their defaults.
 */
import type { Plugin } from '../plugin/define.ts';

/** The sections of protocols. Each protocol adds its own by declaration merging, so that this layer knows none of them. */
// biome-ignore lint/suspicious/noEmptyInterface: protocols add to it
export interface ConfigSections {}

/** The whole behaviour of a server. */
export interface Config extends ConfigSections {
  /**
   * Files are served from this folder and from nowhere else. Relative to the config file.
   * @default './tftpboot'
   */
  readonly rootDir?: string | undefined;
  /**
   * Also serve targets of symbolic links outside the root.
   * @default false
   */
  readonly followLinks?: boolean | undefined;
  /**
   * Find `Boot/BCD` for `boot/bcd`; an exact match is preferred.
   * @default false
   */
  readonly caseInsensitive?: boolean | undefined;
  /**
   * A file changed within this time may still be incomplete: the server waits until it has not changed for this long.
   * @default 100
   */
  readonly stableMs?: number | undefined;
  /**
   * Longest wait for a file that keeps changing; then the request fails.
   * @default 2000
   */
  readonly stableWaitMs?: number | undefined;
  /**
   * Bytes of files kept in memory, shared by all transfers.
   * @default 33554432 (32 MiB)
   */
  readonly cacheBytes?: number | undefined;
  /**
   * User that the server switches to once the ports are bound: `nobody` or `nobody:nogroup`. If left out, the server keeps
   * running as the user that started it.
   */
  readonly user?: string | undefined;
  /** Accept uploads. If left out, they are refused. */
  readonly uploads?: Uploads | undefined;
  /** Time limits that apply to every protocol. The limits of a protocol are in its section. */
  readonly limits?: Limits | undefined;
  /** What is logged, and how. */
  readonly log?: LogSettings | undefined;
  /**
   * What each machine gets. Plugins are asked in this order.
   * @default []
   */
  readonly plugins?: readonly (Plugin | PluginReference)[] | undefined;
}

export interface Uploads {
  /** Folder for uploads, relative to the config file. It must exist; folders in a name are created under it. */
  readonly dir: string;
  /**
   * Largest upload, in bytes; a larger one fails with ERROR 3.
   * @default 67108864 (64 MiB)
   */
  readonly maxBytes?: number | undefined;
  /**
   * Disk space that all uploads together leave free, in bytes; an upload that would need it fails with ERROR 3. If left out: 1
   * GiB, or a tenth of a disk of less than 10 GiB.
   */
  readonly keepFreeBytes?: number | undefined;
  /**
   * Replace existing files. Otherwise, an upload of an existing file fails with ERROR 6.
   * @default false
   */
  readonly overwrite?: boolean | undefined;
}

/** Bounds that hold for every protocol. */
export interface Limits {
  /**
   * Time limit for one call of a plugin's hook.
   * @default 5000
   */
  readonly hookMs?: number | undefined;
  /**
   * Time limit for a lookup, for opening a file, and for reading a small one; after that the request fails. Reads during a
   * transfer are limited by `tftp.limits.idleMs`.
   * @default 4000
   */
  readonly diskMs?: number | undefined;
  /**
   * Time limit for a plugin's `setup`, `machines`, `check` and each of its `onDispose` functions, and for importing the config.
   * @default 10000
   */
  readonly setupMs?: number | undefined;
  /**
   * Time allowed for transfers to finish when the server stops.
   * @default 10000
   */
  readonly stopMs?: number | undefined;
}

export interface LogSettings {
  /**
   * Lowest level that is written.
   * @default 'info'
   */
  readonly level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' | undefined;
  /**
   * The time in JSON lines: milliseconds since the epoch, or `2026-11-30T15:18:26.123Z` with `iso`.
   * @default 'epoch'
   */
  readonly time?: 'epoch' | 'iso' | undefined;
  /**
   * The level in JSON lines: `30`, or `"info"` with `name`.
   * @default 'number'
   */
  readonly levels?: 'number' | 'name' | undefined;
}

/** A plugin in a config that is not a program: JSON or YAML. */
export interface PluginReference {
  /** A name from `pxe/plugins` (`hosts`), or a module and its export (`./my-plugin.ts#greet`), relative to the config file. */
  readonly use: string;
  /** Options for the plugin's function. */
  readonly options?: unknown;
}

/** Returns its argument; it gives an editor the type of a config. */
export function defineConfig(config: Config): Config {
  return config;
}
