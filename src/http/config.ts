/**
 * The section `http` of a config, as a user writes it. An editor shows these comments; `npm run docs` writes those of the keys from
 * `section.ts`, which checks the keys and holds their defaults.
 */
declare module '../config/config.ts' {
  interface ConfigSections {
    /** Serve by HTTP what TFTP serves. If left out, HTTP is not served. */
    readonly http?: HttpConfig | undefined;
  }
}

export interface HttpConfig {
  /**
   * Where requests are accepted: `{ address, port }`.
   * @default [{ address: '0.0.0.0', port: 80 }, { address: '::', port: 80 }]
   */
  readonly listen?: readonly HttpListen[] | undefined;
  /** Serve HTTPS as well. The files are watched: a renewed certificate takes effect at once. */
  readonly tls?: HttpTls | undefined;
  /** What one client, and all clients together, may use. */
  readonly limits?: HttpLimits | undefined;
}

export interface HttpListen {
  /** IPv4 or IPv6; `0.0.0.0` and `::` stand for all addresses. */
  readonly address: string;
  /**
   * 0 lets the operating system choose.
   * @default 80
   */
  readonly port?: number | undefined;
}

export interface HttpsListen {
  /** IPv4 or IPv6; `0.0.0.0` and `::` stand for all addresses. */
  readonly address: string;
  /**
   * 0 lets the operating system choose.
   * @default 443
   */
  readonly port?: number | undefined;
}

export interface HttpTls {
  /** File with the certificate and the intermediate certificates that it needs, in PEM. Relative to the config file. */
  readonly cert: string;
  /** File with its private key, in PEM. Relative to the config file. */
  readonly key: string;
  /**
   * Where HTTPS is accepted: `{ address, port }`.
   * @default [{ address: '0.0.0.0', port: 443 }, { address: '::', port: 443 }]
   */
  readonly listen?: readonly HttpsListen[] | undefined;
}

export interface HttpLimits {
  /**
   * Open connections. Further ones are closed at once.
   * @default 2048
   */
  readonly connections?: number | undefined;
  /**
   * Open connections of one client address.
   * @default 64
   */
  readonly connectionsPerClient?: number | undefined;
  /**
   * Requests that may wait on a connection for the answer to the one before. One more closes the connection.
   * @default 32
   */
  readonly pipelined?: number | undefined;
  /**
   * Longest request line and headers of a request, together, in bytes.
   * @default 8192
   */
  readonly headerBytes?: number | undefined;
  /**
   * A new connection is closed unless a request is complete within this time.
   * @default 10000
   */
  readonly headerMs?: number | undefined;
  /**
   * A connection is closed unless another request is complete within this time after an answer.
   * @default 75000
   */
  readonly keepAliveMs?: number | undefined;
  /**
   * Time limit for a read from the content, and the period that `minBytesPerSecond` refers to.
   * @default 60000
   */
  readonly idleMs?: number | undefined;
  /**
   * A client that takes less, on average over `idleMs`, is disconnected. 0 allows any speed.
   * @default 1024
   */
  readonly minBytesPerSecond?: number | undefined;
}
