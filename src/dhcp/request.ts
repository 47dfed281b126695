/**
 * What plugins see of a request that came by DHCP: a machine, which asks what to boot. It has no name.
 */
import type { BootFields } from '../plugin/types.ts';

/** What is particular to a request that came by DHCP. */
export interface DhcpDetails {
  /** What the firmware takes: a file by TFTP (`PXEClient`), or a URL (`HTTPClient`). */
  readonly vendorClass: 'PXEClient' | 'HTTPClient';
}

export type DhcpRequest = BootFields & { readonly protocol: 'dhcp'; readonly dhcp: DhcpDetails };

declare module '../plugin/types.ts' {
  interface RequestByProtocol {
    readonly dhcp: DhcpRequest;
  }
}
