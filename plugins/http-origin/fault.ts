/**
 * What can go wrong between the origin, the cache folder and a client, and what the client is told of it: never a URL or a path.
 */
import { Refusal, type RefusalReason } from 'pxe';

/** The origin gives no answer that says anything about the file: it is down, overloaded, or leads elsewhere. */
export class OriginDown extends Error {
  override readonly name = 'OriginDown';
}

/** The origin does not let us have the file. */
export class OriginRefuses extends Error {
  override readonly name = 'OriginRefuses';
}

/** The origin has another version of the file than the one that has been begun with. */
export class VersionChanged extends Error {
  override readonly name = 'VersionChanged';
}

/** The cache folder cannot take more. */
export class CacheFull extends Error {
  override readonly name = 'CacheFull';
}

/** The cache folder cannot be used. */
export class CacheFault extends Error {
  override readonly name = 'CacheFault';
}

/** The answer to a client. A `Refusal` passes as it is. */
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
