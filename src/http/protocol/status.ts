/**
 * What HTTP makes of a refusal (RFC 9110 §15).
 */
import type { Refusal, RefusalReason } from '../../base/refusal.ts';

const STATUSES: Readonly<Record<RefusalReason, number>> = {
  'not-found': 404,
  forbidden: 403,
  exists: 409,
  'too-large': 413,
  busy: 503,
  changed: 503,
  unavailable: 503,
  unsupported: 501,
  internal: 500,
};

export function statusOf({ reason }: Refusal): number {
  return STATUSES[reason];
}

/** `status 403: access violation (it leads out of the root)`: the detail is for the operator, and may hold a path. */
export function describeRefusal(refusal: Refusal): string {
  const { message, detail } = refusal;
  return `status ${statusOf(refusal)}: ${message}${detail === undefined ? '' : ` (${detail})`}`;
}
