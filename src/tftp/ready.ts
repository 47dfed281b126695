/**
 * The last step before an answer to a read request: what was opened, in the form that goes over the wire, and its first bytes.
 * The running server and `explain` both take it, so that they cannot disagree.
 */

import type { Signal } from '../base/abort.ts';
import { isLater } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import { limit } from '../base/limit.ts';
import type { Content } from '../content/content.ts';
import { closeUnwanted } from '../content/unwanted.ts';
import { netasciiContent } from './netascii.ts';
import type { TftpDetails } from './request.ts';
import { readSegment } from './transport/feed.ts';

/** Content that can be sent at once. */
export interface Ready {
  readonly content: Content;
  /** Its first segment. */
  readonly first: Uint8Array;
}

/** How long the first bytes are waited for. */
export interface Patience {
  readonly clock: Clock;
  readonly ms: number;
  /** The client has gone, or the server stops. */
  readonly signal?: Signal | undefined;
}

/** Closes what was opened if its first bytes cannot be had. Throws what reading threw. */
export async function makeReady(opened: Content, mode: TftpDetails['mode'], patience: Patience): Promise<Ready> {
  const content = mode === 'netascii' ? netasciiContent(opened) : opened;
  try {
    const first = readSegment(content, 0);
    return { content, first: isLater(first) ? await limit(first, patience) : first };
  } catch (error) {
    closeUnwanted(content);
    throw error;
  }
}
