/**
 * Failures of the origin and the cache folder, and the ERROR that the client gets for each; its text never contains a URL or a
 * path.
 */
import { Refusal, type RefusalReason } from 'pxe';

/** The origin gave no usable response: it is down, overloaded, or redirects elsewhere. */
export class OriginDown extends Error {
  override readonly name = 'OriginDown';
}

/** The origin denies access to the file. */
export class OriginRefuses extends Error {
  override readonly name = 'OriginRefuses';
}

/** The origin no longer has the version that the download began with. */
export class VersionChanged extends Error {
  override readonly name = 'VersionChanged';
}

/** The cache folder is full. */
export class CacheFull extends Error {
  override readonly name = 'CacheFull';
}

/** The cache folder cannot be used. */
export class CacheFault extends Error {
  override readonly name = 'CacheFault';
}

/** Converts a failure to the client's refusal. A `Refusal` is returned unchanged. */
export function refusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const [reason, message] = answerTo(error);
  return new Refusal(reason, message, { cause: error });
}

function answerTo(error: unknown): readonly [reason: RefusalReason, message: string] {
  if (error instanceof OriginRefuses) return ['forbidden', 'access violation'];
  if (error instanceof OriginDown) return ['unavailable', 'origin is not available'];
  if (error instanceof VersionChanged) return ['changed', 'file changed during transfer'];
  if (error instanceof CacheFull) return ['busy', 'cache is full'];
  return ['unavailable', 'download failed'];
}
