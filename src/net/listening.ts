/**
 * Where a service listens: what is asked for, and what that stands for now.
 */

/** An address and port. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/**
 * Where to listen: an address (`0.0.0.0` and `::` stand for every IPv4 and every IPv6 address of the machine, those to come
 * too), an interface and its addresses, or a socket that was bound by somebody else.
 */
export type ListenOn =
  | { readonly address: string; readonly port: number }
  | { readonly interface: string; readonly port: number }
  | { readonly fd: number };

/** Something that listens. */
export interface Listening {
  /** Where it listens now; changes as the machine's addresses come and go. */
  readonly addresses: readonly Address[];
  /**
   * Takes no more requests; the sockets stay for the transfers under way and are closed after the last of them. Resolves when
   * those that no transfer needs are closed.
   */
  close(): Promise<void>;
}

/** Addresses that a listener listens on now and did not before, and the other way round. */
export interface AddressChange {
  readonly came: readonly Address[];
  readonly gone: readonly Address[];
}
