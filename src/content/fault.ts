/**
 * Maps file system failures to the client's answer. The texts are fixed, since a system error's message names a path.
 */
import { Refusal, type RefusalReason } from '../base/refusal.ts';

/** Node's code of a system error: `ENOENT` and so on. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether the failure means that the file does not exist. */
export function isMissing(error: unknown): boolean {
  return MISSING.has(codeOf(error) ?? '');
}

const MISSING = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP']);
const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EROFS']);
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** @param cause the system error, or the reason as text */
export function accessViolation(cause: unknown): Refusal {
  return fault('forbidden', 'access violation', cause);
}

export function diskFull(cause?: unknown): Refusal {
  return fault('too-large', 'disk full or allocation exceeded', cause);
}

export function fileExists(cause?: unknown): Refusal {
  return fault('exists', 'file already exists', cause);
}

/** A file system call has not returned, so its resources are still in use. */
export class DiskSilent extends Refusal {
  override readonly name = 'DiskSilent';

  /** @param path the path that does not respond */
  constructor(path: string) {
    super('unavailable', 'file system does not answer', { cause: `calls to ${path} do not return` });
  }
}

/** Bytes sent before and after the change might not match. */
export const FILE_CHANGED: Refusal = Object.freeze(new Refusal('changed', 'file changed during transfer'));

export const BEING_WRITTEN: Refusal = Object.freeze(new Refusal('busy', 'file is being written'));

/** The answer to a failed read. A `Refusal` passes unchanged. */
export function readFault(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (FORBIDDEN.has(codeOf(error) ?? '')) return accessViolation(error);
  return fault('unavailable', 'cannot read file', error);
}

/** The answer to a failed write. A `Refusal` passes unchanged. */
export function writeFault(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const code = codeOf(error) ?? '';
  if (FORBIDDEN.has(code)) return accessViolation(error);
  if (FULL.has(code)) return diskFull(error);
  return fault('unavailable', 'cannot store file', error);
}

function fault(reason: RefusalReason, message: string, cause: unknown): Refusal {
  return new Refusal(reason, message, cause === undefined ? undefined : { cause });
}
