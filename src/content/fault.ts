/**
 * What a failure of the file system means to a client. The texts are fixed: a system error's own message names a path.
 */
import { ErrorCode, TftpError } from '../tftp/protocol/error.ts';

/** Node's code of a system error: `ENOENT` and so on. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether the failure means that no file has this name. */
export function isMissing(error: unknown): boolean {
  return MISSING.has(codeOf(error) ?? '');
}

const MISSING = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP']);
const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EROFS']);
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** @param cause a system's error, or why in words */
export function accessViolation(cause: unknown): TftpError {
  return fault(ErrorCode.accessViolation, 'access violation', cause);
}

export function diskFull(cause?: unknown): TftpError {
  return fault(ErrorCode.diskFull, 'disk full or allocation exceeded', cause);
}

export function fileExists(cause?: unknown): TftpError {
  return fault(ErrorCode.fileExists, 'file already exists', cause);
}

/** @param path what nothing came of */
export function diskSilent(path: string): TftpError {
  return fault(ErrorCode.undefined, DISK_SILENT, `nothing comes of calls to ${path}`);
}

export function isDiskSilent(error: unknown): boolean {
  return error instanceof TftpError && error.message === DISK_SILENT;
}

const DISK_SILENT = 'file system does not answer';

/** Bytes sent before and bytes read from now on might not belong together. */
export function fileChanged(): TftpError {
  return fault(ErrorCode.undefined, FILE_CHANGED, undefined);
}

export function isFileChanged(error: unknown): boolean {
  return error instanceof TftpError && error.message === FILE_CHANGED;
}

const FILE_CHANGED = 'file changed during transfer';

/** The answer to a read that failed. A `TftpError` passes as it is. */
export function readFault(error: unknown): TftpError {
  if (error instanceof TftpError) return error;
  if (FORBIDDEN.has(codeOf(error) ?? '')) return accessViolation(error);
  return fault(ErrorCode.undefined, 'cannot read file', error);
}

/** The answer to a write that failed. A `TftpError` passes as it is. */
export function writeFault(error: unknown): TftpError {
  if (error instanceof TftpError) return error;
  const code = codeOf(error) ?? '';
  if (FORBIDDEN.has(code)) return accessViolation(error);
  if (FULL.has(code)) return diskFull(error);
  return fault(ErrorCode.undefined, 'cannot store file', error);
}

/** Why, in words that are for the log only: they may hold paths. */
export function causeOf({ cause }: TftpError): string | undefined {
  if (cause instanceof Error) return cause.message;
  return typeof cause === 'string' ? cause : undefined;
}

function fault(code: number, message: string, cause: unknown): TftpError {
  const error = new TftpError(code, message);
  if (cause !== undefined) error.cause = cause;
  return error;
}
