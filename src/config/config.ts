/**
 * What a user writes in `pxe.config.ts`. An editor shows these comments; `schema.ts` checks the same keys and holds their
 * defaults (a test compares the two).
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
   * Serve what symbolic links name outside the root, too.
   * @default false
   */
  readonly followLinks?: boolean | undefined;
  /**
   * Find `Boot/BCD` where `boot/bcd` was asked for. A file of the exact name goes first.
   * @default false
   */
  readonly caseInsensitive?: boolean | undefined;
  /**
   * A file changed less than so many milliseconds ago may still be being copied: it is waited for.
   * @default 100
   */
  readonly stableMs?: number | undefined;
  /**
   * How many milliseconds a file that keeps changing is waited for.
   * @default 2000
   */
  readonly stableWaitMs?: number | undefined;
  /**
   * Bytes of files kept in memory, shared by all transfers.
   * @default 33554432 (32 MiB)
   */
  readonly cacheBytes?: number | undefined;
  /** Become this user once the ports are bound: `nobody` or `nobody:nogroup`. Left out, the server stays who it is. */
  readonly user?: string | undefined;
  /** Take uploads. Left out, they are refused. */
  readonly uploads?: Uploads | undefined;
  /** How long plugins, disks and the server's stop may take. The bounds of a protocol are in its section. */
  readonly limits?: Limits | undefined;
  /** What is logged. */
  readonly log?: LogSettings | undefined;
  /**
   * What each machine gets. Asked in this order.
   * @default []
   */
  readonly plugins?: readonly (Plugin | PluginReference)[] | undefined;
}

export interface Uploads {
  /** Uploaded files go here. Relative to the config file. */
  readonly dir: string;
  /**
   * Bytes; a longer upload ends in ERROR 3.
   * @default 67108864 (64 MiB)
   */
  readonly maxBytes?: number | undefined;
  /**
   * Bytes of the disk that all uploads together leave free; one that would take them ends in ERROR 3. Left out: 1 GiB, or a tenth of a
   * disk of less than 10 GiB.
   */
  readonly keepFreeBytes?: number | undefined;
  /**
   * Replace files that exist; else ERROR 6.
   * @default false
   */
  readonly overwrite?: boolean | undefined;
}

/** Bounds that hold for every protocol. */
export interface Limits {
  /** Time that one hook of one plugin has for its answer. @default 5000 */
  readonly hookMs?: number | undefined;
  /**
   * Time that a lookup or an open has, and the reading of a small file: then the request fails, with a line in the log. Reads during a transfer
   * have `tftp.limits.idleMs`.
   * @default 4000
   */
  readonly diskMs?: number | undefined;
  /** Time that a plugin's `setup` has, `machines` and `check`, each of its `onDispose`, and the import of the config. @default 10000 */
  readonly setupMs?: number | undefined;
  /** Time that running transfers have to end when the server stops. @default 10000 */
  readonly stopMs?: number | undefined;
}

export interface LogSettings {
  /**
   * The least severe lines that are written.
   * @default 'info'
   */
  readonly level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' | undefined;
  /**
   * How JSON lines tell the time: milliseconds since the epoch, or `2026-11-30T15:18:26.123Z`.
   * @default 'epoch'
   */
  readonly time?: 'epoch' | 'iso' | undefined;
  /**
   * How JSON lines tell their level: `30` or `"info"`.
   * @default 'number'
   */
  readonly levels?: 'number' | 'name' | undefined;
}

/** A plugin in a config that is no program: JSON or YAML. */
export interface PluginReference {
  /** A name of `pxe/plugins` (`hosts`), or a module and what it exports (`./my-plugin.ts#greet`), relative to the config file. */
  readonly use: string;
  /** What the plugin's function takes. */
  readonly options?: unknown;
}

/** Returns its argument: it is there so that an editor knows what a config may hold. */
export function defineConfig(config: Config): Config {
  return config;
}
