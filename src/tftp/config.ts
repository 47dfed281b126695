/**
 * The section `tftp` of a config, as a user writes it. An editor shows these comments; `section.ts` checks the same keys and holds
 * their defaults (a test compares the two).
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
   * The number that follows block 65535. Nearly all clients expect 0.
   * @default 0
   */
  readonly rollover?: 0 | 1 | undefined;
  /** What one client, and all clients together, may take. */
  readonly limits?: TftpLimits | undefined;
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

export interface TftpLimits {
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
}
