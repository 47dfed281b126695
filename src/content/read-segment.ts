/**
 * Reads one segment of a content and checks its contract, because it may be a plugin's.
 */
import { type Awaitable, isLater } from '../base/awaitable.ts';
import { Refusal } from '../base/refusal.ts';
import { SEGMENT_BYTES } from '../base/segment.ts';
import type { Content } from './content.ts';

/** Throws what `read` throws, or an Error if the returned bytes are not those requested. */
export function readSegment(content: Content, index: number): Awaitable<Uint8Array> {
  const offset = index * SEGMENT_BYTES;
  const read = content.read(offset, SEGMENT_BYTES);
  return isLater(read) ? Promise.resolve(read).then((bytes) => checked(content, offset, bytes)) : checked(content, offset, read);
}

function checked(content: Content, offset: number, bytes: unknown): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('read must return a Uint8Array');
  if (bytes.length > SEGMENT_BYTES)
    throw new RangeError(`read returned ${bytes.length} bytes, but ${SEGMENT_BYTES} were requested`);
  if (bytes.length < SEGMENT_BYTES && content.size !== undefined && offset + bytes.length < content.size) {
    throw new Refusal('unavailable', 'content ended early');
  }
  return bytes;
}
