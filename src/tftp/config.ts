/**
 * The section `tftp` of a config, as a user writes it. An editor shows these comments; `npm run docs` writes those of the keys from
 * `section.ts`, which checks the keys and holds their defaults.
 */
import type { DscpName } from './dscp.ts';

declare module '../config/config.ts' {
  interface ConfigSections {
    /** How TFTP is served. */
    readonly tftp?: TftpConfig | undefined;
  }
}

export interface TftpConfig {
  /**
   * Where requests are accepted, by address or by interface.
   * @default [{ address: '0.0.0.0', port: 69 }, { address: '::', port: 69 }]
   */
  readonly listen?: readonly Listen[] | undefined;
  /**
   * Answer from the listening port itself: for NAT, containers and load balancers.
   * @default false
   */
  readonly singlePort?: boolean | undefined;
  /**
   * How datagrams move: `native` (Linux on x86-64: batched system calls in a separate thread), `portable` (Node's own sockets),
   * or `auto`: `native` where it works, otherwise `portable`.
   * @default 'auto'
   */
  readonly transport?: 'auto' | 'native' | 'portable' | undefined;
  /** Ports for transfers, for a firewall: `{ from, to }`. If left out, the operating system chooses. */
  readonly transferPorts?: PortRange | undefined;
  /**
   * Mark packets for networks that prioritize (RFC 2474): 0–63, or a name such as `cs4`, `af21`, `ef`. Native transport only. If
   * left out, packets are not marked.
   */
  readonly dscp?: number | DscpName | undefined;
  /**
   * Longest packet, in bytes, that reaches the clients of a network: `{ '10.8.0.0/24': 1400 }`. The most specific network
   * applies. These clients are granted a `blksize` that fits; no other client is affected.
   * @default {}
   */
  readonly mtu?: Readonly<Record<string, number>> | undefined;
  /**
   * Block number that follows 65535, unless the client asks for another with the `rollover` option. Nearly all clients expect 0.
   * @default 0
   */
  readonly rollover?: 0 | 1 | undefined;
  /** What one client, and all clients together, may use. */
  readonly limits?: TftpLimits | undefined;
}

/**
 * An address of this machine, whatever way requests come to it; or an interface: all its addresses, also those that come later,
 * and with the native transport nothing that comes by another interface.
 */
export type Listen = ListenAddress | ListenInterface;

export interface ListenAddress {
  /** IPv4 or IPv6; `0.0.0.0` and `::` stand for all addresses. */
  readonly address: string;
  /**
   * 0 lets the operating system choose.
   * @default 69
   */
  readonly port?: number | undefined;
}

export interface ListenInterface {
  /** Name of an interface, such as `eth0`. */
  readonly interface: string;
  /**
   * 0 lets the operating system choose.
   * @default 69
   */
  readonly port?: number | undefined;
}

export interface PortRange {
  /** First port. */
  readonly from: number;
  /** Last port, inclusive. */
  readonly to: number;
}

export interface TftpLimits {
  /**
   * Concurrent transfers, including dropped requests that are still being processed.
   * @default 4096
   */
  readonly transfers?: number | undefined;
  /**
   * Concurrent transfers of one client address. Beyond that, its oldest transfer that the client has never answered is dropped.
   * @default 1024
   */
  readonly transfersPerClient?: number | undefined;
  /**
   * Concurrent transfers whose client has never answered, and whose address may be forged. Beyond that, the oldest of them is
   * dropped.
   * @default 2048
   */
  readonly unproven?: number | undefined;
  /**
   * Bytes that may be sent to an address that has never answered, before that address sends more.
   * @default 2048
   */
  readonly unprovenBytes?: number | undefined;
  /**
   * Additional bytes that may be sent to such an address for each byte that it sends.
   * @default 4
   */
  readonly unprovenFactor?: number | undefined;
  /**
   * Requests that wait because their answer would exceed what such an address may be sent; they continue when the address has
   * answered another transfer.
   * @default 1024
   */
  readonly waiting?: number | undefined;
  /**
   * Longest file name, in bytes.
   * @default 512
   */
  readonly nameBytes?: number | undefined;
  /**
   * How many options of a request are read; the rest are ignored.
   * @default 16
   */
  readonly options?: number | undefined;
  /**
   * Longest name, and longest value, of an option, in bytes.
   * @default 128
   */
  readonly optionBytes?: number | undefined;
  /**
   * Largest `blksize` granted, in bytes (RFC 2348).
   * @default 65464
   */
  readonly blockSize?: number | undefined;
  /**
   * Largest `windowsize` granted, in blocks (RFC 7440).
   * @default 64
   */
  readonly windowSize?: number | undefined;
  /**
   * Largest window granted, in bytes: window × block.
   * @default 4194304 (4 MiB)
   */
  readonly windowBytes?: number | undefined;
  /**
   * How many times a packet is sent again without progress before the transfer fails.
   * @default 12
   */
  readonly retries?: number | undefined;
  /**
   * A transfer fails after this time without progress.
   * @default 30000
   */
  readonly idleMs?: number | undefined;
  /**
   * Shortest time before a packet is sent again. The time itself follows the measured round-trip time.
   * @default 20
   */
  readonly minTimeoutMs?: number | undefined;
  /**
   * Longest time before a packet is sent again. A `timeout` that the client asks for replaces it.
   * @default 3000
   */
  readonly maxTimeoutMs?: number | undefined;
}
