/**
 * What the end of an HTTP exchange tells beside what every exchange's does.
 */
export interface HttpSummary {
  /** The status of the answer; `undefined` if the client went before there was one. */
  readonly status: number | undefined;
  /** The bytes that were asked for and sent, such as `0-511`; `undefined` for the whole file. */
  readonly range: string | undefined;
}

declare module '../plugin/types.ts' {
  interface SummaryByProtocol {
    /** Present for a request that came by HTTP. */
    readonly http?: HttpSummary;
  }
}
