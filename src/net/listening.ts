/**
 * Where a service listens: the setting, and the current addresses.
 */

/** An address and port. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/**
 * Where to listen: an address (`0.0.0.0` and `::` mean every IPv4 or IPv6 address of the machine, including later ones), an
 * interface with its addresses, or a socket bound by another process.
 */
export type ListenOn =
  | { readonly address: string; readonly port: number }
  | { readonly interface: string; readonly port: number }
  | { readonly fd: number };

/** A listen setting in use. */
export interface Listening {
  /** Current addresses; they change with the machine's. */
  readonly addresses: readonly Address[];
  /**
   * Accepts no more requests. Sockets of running transfers are closed after the last of these; resolves when all others are
   * closed.
   */
  close(): Promise<void>;
}

/** Addresses that a listener has gained and lost. */
export interface AddressChange {
  readonly came: readonly Address[];
  readonly gone: readonly Address[];
}
