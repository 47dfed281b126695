/**
 * What TFTP makes of a refusal: RFC 1350 has few codes, so that most reasons are told by the text of an ERROR 0.
 */
import type { Refusal, RefusalReason } from '../../base/refusal.ts';
import { ErrorCode, TftpError, type WireError } from './error.ts';

const CODES: Readonly<Record<RefusalReason, ErrorCode>> = {
  'not-found': ErrorCode.fileNotFound,
  forbidden: ErrorCode.accessViolation,
  exists: ErrorCode.fileExists,
  'too-large': ErrorCode.diskFull,
  busy: ErrorCode.undefined,
  changed: ErrorCode.undefined,
  unavailable: ErrorCode.undefined,
  unsupported: ErrorCode.illegalOperation,
  internal: ErrorCode.undefined,
};

/** The code of the ERROR that answers a request so refused: a `TftpError` has its own. */
export function codeOf(refusal: Refusal): number {
  return refusal instanceof TftpError ? refusal.code : CODES[refusal.reason];
}

export function wireError(refusal: Refusal): WireError {
  const { message, reason, detail } = refusal;
  return { code: codeOf(refusal), message, reason, ...(detail === undefined ? {} : { detail }) };
}

/** `error 2: access violation (it leads out of the root)`: the detail is for the operator, and may hold a path. */
export function describeRefusal(refusal: Refusal): string {
  const { message, detail } = refusal;
  return `error ${codeOf(refusal)}: ${message}${detail === undefined ? '' : ` (${detail})`}`;
}
