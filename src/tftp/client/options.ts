/**
 * Option negotiation, as a client does it: what to ask for, and whether the server's answer keeps to that (RFC 2347). A client
 * is strict where a server is lenient: an answer that was not asked for is a mistake, and carrying on would garble the file.
 */
import type { Rollover } from '../protocol/block.ts';
import { type Agreement, DEFAULT_BLOCK_BYTES, MIN_BLOCK_BYTES, parseNumber } from '../protocol/options.ts';
import type { Option } from '../protocol/packet.ts';

/** What to ask for, in the order of the keys, since clients are known by theirs; what is not given is not asked. */
export interface AskedOptions {
  /** `blksize`, bytes (RFC 2348). */
  readonly blockSize?: number | undefined;
  /** `windowsize`, blocks (RFC 7440). */
  readonly windowSize?: number | undefined;
  /** `timeout`, seconds (RFC 2349). */
  readonly timeoutSeconds?: number | undefined;
  /** `tsize` (RFC 2349): 0 asks a server for a file's size; an upload announces its own. */
  readonly transferSize?: number | undefined;
  /** `rollover`: the number that follows block 65535. */
  readonly rollover?: Rollover | undefined;
}

/** What was agreed, as the client sees it. */
export interface ClientAgreement extends Agreement {
  /** Bytes in all, as the server says (`tsize`); a claim, not a fact. */
  readonly announcedSize: number | undefined;
}

/** An OACK that keeps to what was asked, or why it does not. */
export type Verdict =
  | { readonly ok: true; readonly agreement: ClientAgreement }
  | { readonly ok: false; readonly reason: string };

/** RFC 1350: nothing negotiated. */
export const DEFAULTS: ClientAgreement = {
  acknowledged: [],
  blockSize: DEFAULT_BLOCK_BYTES,
  windowSize: 1,
  rollover: 0,
  timeoutMs: undefined,
  announcedSize: undefined,
};

const NAMES: Readonly<Record<keyof AskedOptions, string>> = {
  blockSize: 'blksize',
  windowSize: 'windowsize',
  timeoutSeconds: 'timeout',
  transferSize: 'tsize',
  rollover: 'rollover',
};

/** The options of a request. */
export function requestOptions(asked: AskedOptions): Option[] {
  return (Object.keys(asked) as (keyof AskedOptions)[]).flatMap((key) =>
    asked[key] === undefined ? [] : [{ name: NAMES[key], value: String(asked[key]) }],
  );
}

/** Judges an OACK. A smaller block size or window is the server's right, anything else that differs is a mistake. */
export function judge(asked: AskedOptions, acknowledged: readonly Option[]): Verdict {
  const ranges = new Map<string, readonly [min: number, max: number | undefined]>([
    ['blksize', [MIN_BLOCK_BYTES, asked.blockSize]],
    ['windowsize', [1, asked.windowSize]],
    ['timeout', [asked.timeoutSeconds ?? 0, asked.timeoutSeconds]],
    ['rollover', [asked.rollover ?? 0, asked.rollover]],
    ['tsize', [0, asked.transferSize === undefined ? undefined : Number.MAX_SAFE_INTEGER]],
  ]);
  const values = new Map<string, number>();
  for (const { name, value } of acknowledged) {
    const key = name.toLowerCase();
    const [min, max] = ranges.get(key) ?? [0, undefined];
    if (max === undefined) return { ok: false, reason: `option ${key} was not asked for` };
    if (values.has(key)) return { ok: false, reason: `option ${key} came twice` };
    const number = parseNumber(value, min, max);
    if (number === undefined) return { ok: false, reason: `option ${key} was answered with "${value}"` };
    values.set(key, number);
  }
  const timeout = values.get('timeout');
  return {
    ok: true,
    agreement: {
      acknowledged,
      blockSize: values.get('blksize') ?? DEFAULTS.blockSize,
      windowSize: values.get('windowsize') ?? DEFAULTS.windowSize,
      rollover: (values.get('rollover') ?? DEFAULTS.rollover) as Rollover,
      timeoutMs: timeout === undefined ? undefined : timeout * 1000,
      announcedSize: values.get('tsize'),
    },
  };
}
