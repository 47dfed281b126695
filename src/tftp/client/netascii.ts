/** A source as netascii: translated as it is read, so that its size is known to nobody before the end. */
import type { Content } from '../../content/content.ts';
import { encodeNetascii } from '../protocol/netascii.ts';

/** The translation of `source`, to be read in order and without gaps, as an upload does. Closing it is left to the source's owner. */
export function netasciiSource(source: Content): Content {
  let readTo = 0;
  let ended = false;
  let rest: Uint8Array = new Uint8Array(0);
  return {
    size: undefined,
    async read(_offset, length) {
      const pieces = [rest];
      let translated = rest.length;
      while (translated < length && !ended) {
        const bytes = await source.read(readTo, length);
        readTo += bytes.length;
        ended = bytes.length < length;
        const piece = encodeNetascii(bytes);
        pieces.push(piece);
        translated += piece.length;
      }
      const all = Buffer.concat(pieces);
      rest = all.subarray(length);
      return all.subarray(0, length);
    },
    close() {},
  };
}
