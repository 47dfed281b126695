/**
 * Types and schema of the options of `generate`.
 */
import type { Awaitable } from 'pxe';
import { z } from 'zod';
import { checkedBy } from '../lib/checked.ts';
import { isName } from '../lib/name.ts';
import type { GenerateContext } from './context.ts';

/** Makes a file; `undefined` leaves the name to the next plugin and the root. */
export type Generator = (context: GenerateContext) => Awaitable<string | Uint8Array | undefined>;

export interface TemplateRule {
  /** A Liquid template; relative to the config, and watched. */
  readonly template: string;
  /** Defaults for hosts that lack these variables. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** Requested name, perhaps with `*`, `**` and `?` → what generates the file. */
export type GeneratedFiles = Readonly<Record<string, Generator | TemplateRule>>;

export interface GenerateOptions {
  readonly files: GeneratedFiles;
  /**
   * Sources whose MAC addresses, UUIDs and serial numbers count: `table`, `leases`, …. Default: all but `filename`, which any
   * client can claim. A client without such a fact gets what its IP address gives it.
   */
  readonly trust?: readonly string[] | undefined;
}

const rule = z.union([
  z.custom<Generator>((value) => typeof value === 'function', 'expected a function or { template }'),
  z.strictObject({ template: z.string().min(1), variables: z.record(z.string(), z.unknown()).optional() }),
]);

const files = z.record(z.string().refine(isName, 'expected a file name without ..'), rule) as z.ZodType<GeneratedFiles>;

const long: z.ZodType<GenerateOptions> = z.strictObject({ files, trust: z.array(z.string().min(1)).optional() });

/** Whether the options are an object with `files`, not the files alone; a file may be called `files`, too. */
export function isLong(written: unknown): written is GenerateOptions {
  const { files, trust } = (typeof written === 'object' && written !== null ? written : {}) as {
    files?: unknown;
    trust?: unknown;
  };
  return (
    Array.isArray(trust) ||
    (typeof files === 'object' && files !== null && typeof (files as { template?: unknown }).template !== 'string')
  );
}

export const generateSchema = checkedBy<GeneratedFiles | GenerateOptions, GeneratedFiles | GenerateOptions>((written) =>
  isLong(written) ? long : files,
);
