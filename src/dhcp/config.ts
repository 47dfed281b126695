/**
 * The section `dhcp` of a config, as a user writes it. An editor shows these comments; `npm run docs` writes those of the keys from
 * `section.ts`, which checks the keys and holds their defaults.
 */
declare module '../config/config.ts' {
  interface ConfigSections {
    /**
     * Tell machines what to load, beside a DHCP server that only assigns addresses (proxyDHCP). If left out, DHCP is not served.
     */
    readonly dhcp?: DhcpConfig | undefined;
  }
}

export interface DhcpConfig {
  /** Names of the interfaces that are served, such as `eth0`. If left out, each one with an IPv4 address is served. */
  readonly interfaces?: readonly string[] | undefined;
  /**
   * Answer on port 4011 only: for a host that runs a DHCP server which does not share port 67.
   * @default false
   */
  readonly bootServerOnly?: boolean | undefined;
  /**
   * Networks whose relays are answered, by the address of the relay (giaddr): `10.8.0.0/24`. If any are listed, relays in the
   * networks of the served interfaces are answered as well.
   * @default []
   */
  readonly relays?: readonly string[] | undefined;
  /**
   * Time before an offer is sent, for firmware that misses an offer that comes at once.
   * @default 0
   */
  readonly replyDelayMs?: number | undefined;
  /** UDP ports. Firmware knows no others: change them for tests, or behind a redirecting firewall. */
  readonly ports?: DhcpPorts | undefined;
  /** What one machine, and all machines together, may use. */
  readonly limits?: DhcpLimits | undefined;
}

export interface DhcpPorts {
  /**
   * Where machines and relays send their requests.
   * @default 67
   */
  readonly dhcp?: number | undefined;
  /**
   * Where machines ask for the boot file if the offer does not name it.
   * @default 4011
   */
  readonly bootServer?: number | undefined;
  /**
   * Where machines expect offers.
   * @default 68
   */
  readonly client?: number | undefined;
}

export interface DhcpLimits {
  /**
   * Concurrent requests. Further ones are dropped until one has been answered.
   * @default 4096
   */
  readonly exchanges?: number | undefined;
  /**
   * Requests of one machine that are answered within `perMs`. Firmware sends one to three in 4 seconds.
   * @default 8
   */
  readonly requestsPerMachine?: number | undefined;
  /**
   * Requests that one relay may forward within `perMs`.
   * @default 2000
   */
  readonly requestsPerRelay?: number | undefined;
  /**
   * The time that `requestsPerMachine` and `requestsPerRelay` refer to.
   * @default 4000
   */
  readonly perMs?: number | undefined;
  /**
   * Machines whose requests and offers are remembered. Beyond that, those not heard of for longest are forgotten.
   * @default 16384
   */
  readonly machines?: number | undefined;
}
