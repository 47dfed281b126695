/**
 * What the end of a DHCP exchange tells beside what every exchange's does.
 */
import type { BootLayout } from '../base/boot-layout.ts';
import type { DhcpPort } from './protocol/offer.ts';

export interface DhcpSummary {
  /** The port that was asked and that answered: of the DHCP server, or of the boot server. */
  readonly port: DhcpPort;
  /** How the file was offered; `undefined` where nothing was. */
  readonly layout: BootLayout | undefined;
  /** A name under the root, a URL, or `disk`; `undefined` if the machine got no answer. */
  readonly offered: string | undefined;
  /** The machine asked again and was offered the same. */
  readonly isRepeat: boolean;
  /** Address of the relay that forwarded the request. */
  readonly relay: string | undefined;
  /** The client's own count of seconds since it began. */
  readonly secs: number;
}

declare module '../plugin/types.ts' {
  interface SummaryByProtocol {
    /** Present for a request that came by DHCP. */
    readonly dhcp?: DhcpSummary;
  }
}
