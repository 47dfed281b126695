/**
 * Types of values shared by several sections.
 */
import { z } from 'zod';
import { hostBitsProblem, parseNetwork } from '../base/address.ts';

const LONGEST_MS = 24 * 60 * 60 * 1000;

/** A whole number within a range that includes its ends. */
export const whole = (least: number, most: number) => z.int().min(least).max(most);

/** A maximum count. */
export const count = whole(1, 1_000_000);

/** A time of at least 1 ms and at most a day. */
export const milliseconds = whole(1, LONGEST_MS);

/** The same, or zero. */
export const millisecondsOrNone = whole(0, LONGEST_MS);

/** A string that is not empty. */
export const text = z.string().min(1);

/** An IPv4 or IPv6 network by its prefix. */
export const network = z
  .string()
  .refine((text) => parseNetwork(text) !== undefined, 'expected a network such as 10.8.0.0/24 or 2001:db8::/32')
  .refine((text) => hostBitsProblem(text) === undefined, { error: ({ input }) => hostBitsProblem(String(input)) ?? '' });
