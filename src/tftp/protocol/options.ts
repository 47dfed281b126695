/**
 * Option negotiation, as a server does it (RFC 2347, 2348, 2349, 7440, and the `rollover` option in the wild).
 *
 * The rules that clients turned out to depend on: an option is acknowledged exactly as it was named and in the order asked,
 * or left out; it is never answered by an ERROR. `blksize` and `windowsize` may only shrink, `timeout` may not change at all.
 * A value that is no plain decimal number in range makes the option one that was not asked.
 */
import type { Rollover } from './block.ts';
import type { Option } from './packet.ts';

/** RFC 1350, where nothing was negotiated. */
export const DEFAULT_BLOCK_BYTES = 512;
/** RFC 2348. */
export const MIN_BLOCK_BYTES = 8;
export const MAX_BLOCK_BYTES = 65464;

/** RFC 7440 allows 65535, but beyond half of the block numbers an old ACK cannot be told from a new one. */
export const MAX_WINDOW_BLOCKS = 32767;

/** What a server grants at most. */
export interface OptionLimits {
  /** Largest `blksize`, bytes. */
  readonly blockSize: number;
  /** Largest `windowsize`, blocks. */
  readonly windowSize: number;
  /** Largest window × block, bytes. */
  readonly windowBytes: number;
  /** How block numbers roll over unless the client asks. */
  readonly rollover: Rollover;
}

/** What was agreed. */
export interface Agreement {
  /** The options to acknowledge, in order; none means that no OACK is sent. */
  readonly acknowledged: readonly Option[];
  readonly blockSize: number;
  readonly windowSize: number;
  readonly rollover: Rollover;
  /** The client's retransmission time, if it was agreed. */
  readonly timeoutMs: number | undefined;
}

/** What a request is about, for `tsize` (RFC 2349). */
export type Subject =
  | { readonly kind: 'read' /** Bytes to come, if known. */; readonly size: number | undefined }
  | { readonly kind: 'write' };

/** A plain decimal number within bounds; anything else (`-1`, `+8`, ` 8`, `0x8`, `8x`, 400 digits) is `undefined`. */
export function parseNumber(value: string, min: number, max: number): number | undefined {
  if (!/^[0-9]{1,16}$/.test(value)) return undefined;
  const number = Number(value);
  return number >= min && number <= max ? number : undefined;
}

/** The upload size that a write request claims; a claim, not a fact. */
export function claimedSize(options: readonly Option[]): number | undefined {
  const asked = options.find(({ name }) => name.toLowerCase() === 'tsize');
  return asked && parseNumber(asked.value, 0, Number.MAX_SAFE_INTEGER);
}

/** What is looked at in a request. */
export interface RequestLimits {
  /** Options; the rest is as if it had not been asked. */
  readonly options: number;
  /** Length of an option's name and of its value; a longer one is ignored. */
  readonly optionBytes: number;
}

/** The options of a request that count. */
export function withinLimits(asked: readonly Option[], { options, optionBytes }: RequestLimits): readonly Option[] {
  return asked.slice(0, options).filter(({ name, value }) => name.length <= optionBytes && value.length <= optionBytes);
}

/** Decides on every option of a request. The first of two options of one name counts. */
export function negotiate(asked: readonly Option[], subject: Subject, limits: OptionLimits): Agreement {
  const values = new Map<string, string>();
  for (const { name, value } of asked) {
    const key = name.toLowerCase();
    if (!values.has(key)) values.set(key, value);
  }
  const blockSize = shrink(values.get('blksize'), MIN_BLOCK_BYTES, MAX_BLOCK_BYTES, limits.blockSize);
  const fitting = Math.max(1, Math.floor(limits.windowBytes / (blockSize ?? DEFAULT_BLOCK_BYTES)));
  const windowSize = shrink(values.get('windowsize'), 1, 65535, Math.min(limits.windowSize, fitting, MAX_WINDOW_BLOCKS));
  const timeout = number(values.get('timeout'), 1, 255);
  const rollover = number(values.get('rollover'), 0, 1) as Rollover | undefined;
  const granted = new Map<string, number | undefined>([
    ['blksize', blockSize],
    ['windowsize', windowSize],
    ['timeout', timeout],
    ['rollover', rollover],
    ['tsize', transferSize(values.get('tsize'), subject)],
  ]);
  const acknowledged: Option[] = [];
  for (const { name } of asked) {
    const key = name.toLowerCase();
    const value = granted.get(key);
    granted.delete(key);
    if (value !== undefined) acknowledged.push({ name, value: String(value) });
  }
  return {
    acknowledged,
    blockSize: blockSize ?? DEFAULT_BLOCK_BYTES,
    windowSize: windowSize ?? 1,
    rollover: rollover ?? limits.rollover,
    timeoutMs: timeout === undefined ? undefined : timeout * 1000,
  };
}

function number(value: string | undefined, min: number, max: number): number | undefined {
  return value === undefined ? undefined : parseNumber(value, min, max);
}

function shrink(value: string | undefined, min: number, max: number, limit: number): number | undefined {
  const asked = number(value, min, max);
  return asked === undefined ? undefined : Math.min(asked, limit);
}

function transferSize(value: string | undefined, subject: Subject): number | undefined {
  const asked = number(value, 0, Number.MAX_SAFE_INTEGER);
  if (asked === undefined) return undefined;
  if (subject.kind === 'write') return asked;
  // curl takes the `tsize=0` of an empty file for an error.
  return subject.size === 0 && asked === 0 ? undefined : subject.size;
}
