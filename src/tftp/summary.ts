/**
 * What the end of a TFTP exchange tells beside what every exchange's does.
 */
export interface TftpSummary {
  /** Options as acknowledged, in order; empty if none were. */
  readonly agreed: ReadonlyMap<string, string>;
  readonly blockSize: number;
  readonly windowSize: number;
  /** Smoothed round-trip time (RFC 6298), if one was measured. */
  readonly rttMs: number | undefined;
  /** DATA (or ACK, for an upload) sent more than once. */
  readonly retransmissions: number;
  /** The last ACK never came; firmware that starts what it has loaded often owes it. */
  readonly lastAckMissing: boolean;
}

declare module '../plugin/types.ts' {
  interface SummaryByProtocol {
    /** Present for a request that came by TFTP. */
    readonly tftp?: TftpSummary;
  }
}
