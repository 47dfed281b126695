/**
 * What a user writes in `pxe.config.ts`. An editor shows these comments; `schema.ts` checks the same keys and holds their
 * defaults (a test compares the two).
 */
import type { Plugin } from '../plugin/define.ts';
import type { DscpName } from './dscp.ts';

/** The whole behaviour of a server. */
export interface Config {
  /**
   * Files are served from this folder and from nowhere else. Relative to the config file.
   * @default './tftpboot'
   */
  readonly rootDir?: string | undefined;
  /**
   * Where requests are taken, by address or by interface.
   * @default [{ address: '0.0.0.0', port: 69 }, { address: '::', port: 69 }]
   */
  readonly listen?: readonly Listen[] | undefined;
  /**
   * Answer from the listening port itself: for NAT, containers and load balancers.
   * @default false
   */
  readonly singlePort?: boolean | undefined;
  /**
   * How datagrams move: `native` (Linux, batched system calls), `portable` (Node's own sockets), or `auto`: the best that works here.
   * @default 'auto'
   */
  readonly transport?: 'auto' | 'native' | 'portable' | undefined;
  /** Take the ports of transfers from this range, for a firewall. Left out, the operating system chooses. */
  readonly transferPorts?: PortRange | undefined;
  /**
   * Mark packets for networks that give some precedence (RFC 2474): 0–63, or a name such as `cs4`, `af21`, `ef`. Only the native
   * transport can. Left out, packets are not marked.
   */
  readonly dscp?: number | DscpName | undefined;
  /**
   * How long packets may be on the way to a network's clients, in bytes: `{ '10.8.0.0/24': 1400 }`. They are granted no larger
   * `blksize` than fits; nobody else is slowed down. The narrowest network that holds a client counts.
   * @default {}
   */
  readonly mtu?: Readonly<Record<string, number>> | undefined;
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
  /** What one client, and all together, may take. Every bound of the server is here. */
  readonly limits?: Limits | undefined;
  /**
   * The number that follows block 65535. Nearly all clients expect 0.
   * @default 0
   */
  readonly rollover?: 0 | 1 | undefined;
  /** What is logged. */
  readonly log?: LogSettings | undefined;
  /**
   * What each machine gets. Asked in this order.
   * @default []
   */
  readonly plugins?: readonly (Plugin | PluginReference)[] | undefined;
}

/**
 * An address of this machine, whatever way requests come to it; or an interface: all its addresses, also those that come later,
 * and with the native transport nothing that comes by another interface.
 */
export type Listen = ListenAddress | ListenInterface;

export interface ListenAddress {
  /** IPv4 or IPv6; `0.0.0.0` and `::` are all of them. */
  readonly address: string;
  /**
   * 0 lets the operating system choose.
   * @default 69
   */
  readonly port?: number | undefined;
}

export interface ListenInterface {
  /** Name of an interface: `eth0`. */
  readonly interface: string;
  /**
   * 0 lets the operating system choose.
   * @default 69
   */
  readonly port?: number | undefined;
}

export interface PortRange {
  readonly from: number;
  /** Included. */
  readonly to: number;
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

export interface Limits {
  /** Transfers at a time. @default 4096 */
  readonly transfers?: number | undefined;
  /** Transfers at a time of one client address. @default 1024 */
  readonly transfersPerClient?: number | undefined;
  /** Transfers at a time whose client has not answered yet, and may be a spoofed address. @default 2048 */
  readonly unproven?: number | undefined;
  /** Bytes sent to one address that has not answered yet, beside `unprovenFactor` × the bytes it sent. @default 2048 */
  readonly unprovenBytes?: number | undefined;
  /** Bytes sent for each byte received to an address that has not answered yet, beside `unprovenBytes`. @default 4 */
  readonly unprovenFactor?: number | undefined;
  /** Requests that wait until their address has proved itself. @default 1024 */
  readonly waiting?: number | undefined;
  /** Length of a file name. @default 512 */
  readonly nameBytes?: number | undefined;
  /** Options in a request. @default 16 */
  readonly options?: number | undefined;
  /** Length of an option's name, and of its value. @default 128 */
  readonly optionBytes?: number | undefined;
  /** Largest block size granted (RFC 2348). @default 65464 */
  readonly blockSize?: number | undefined;
  /** Largest window granted, in blocks (RFC 7440). @default 64 */
  readonly windowSize?: number | undefined;
  /** Largest window granted, in bytes. @default 4194304 (4 MiB) */
  readonly windowBytes?: number | undefined;
  /** Times that one packet is sent again before the client is given up. @default 12 */
  readonly retries?: number | undefined;
  /** Milliseconds without a word from the client before it is given up. @default 30000 */
  readonly idleMs?: number | undefined;
  /** Shortest time before a packet is sent again. @default 20 */
  readonly minTimeoutMs?: number | undefined;
  /** Longest time before a packet is sent again. @default 3000 */
  readonly maxTimeoutMs?: number | undefined;
  /** Time that one hook of one plugin has for its answer. @default 5000 */
  readonly hookMs?: number | undefined;
  /**
   * Time that a lookup or an open has, and the reading of a small file: then ERROR 0, and a line in the log. Reads during a transfer
   * have `idleMs`.
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
