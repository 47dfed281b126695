/**
 * The keys of a config, their ranges and their defaults. What they mean stands in `config.ts`.
 */
import { z } from 'zod';
import { DEFAULT_CACHE_BYTES } from '../content/cache.ts';
import { milliseconds, millisecondsOrNone, text, whole } from './values.ts';

const MIB = 1024 ** 2;

const uploads = z.strictObject({
  dir: text,
  maxBytes: whole(0, Number.MAX_SAFE_INTEGER).default(64 * MIB),
  keepFreeBytes: whole(0, Number.MAX_SAFE_INTEGER).optional(),
  overwrite: z.boolean().default(false),
});

const limits = z.strictObject({
  hookMs: milliseconds.default(5000),
  diskMs: milliseconds.default(4000),
  setupMs: milliseconds.default(10_000),
  stopMs: millisecondsOrNone.default(10_000),
});

/** What concerns every protocol. The options of `plugins` are checked by their own schemas. */
const general = z.strictObject({
  rootDir: text.default('./tftpboot'),
  followLinks: z.boolean().default(false),
  caseInsensitive: z.boolean().default(false),
  stableMs: whole(0, 60_000).default(100),
  stableWaitMs: whole(0, 60_000).default(2000),
  cacheBytes: whole(0, Number.MAX_SAFE_INTEGER).default(DEFAULT_CACHE_BYTES),
  user: z
    .string()
    .regex(/^[^:\s]+(:[^:\s]+)?$/, 'expected a user, or user:group')
    .optional(),
  uploads: uploads.optional(),
  limits: limits.prefault({}),
  log: z
    .strictObject({
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
      time: z.enum(['epoch', 'iso']).default('epoch'),
      levels: z.enum(['number', 'name']).default('number'),
    })
    .prefault({}),
  plugins: z.array(z.unknown()).default([]),
});

/** {@link ConfigSchema.object} without sections: what its output certainly has. */
export type GeneralSchema = typeof general;

/** What a protocol adds to the config: an object under its own name. */
export interface Section {
  readonly schema: z.ZodObject;
  /** Old places of its keys, and where they are now: `listen` → `tftp.listen`. */
  readonly moved?: Readonly<Record<string, string>>;
}

/** Everything that a config may hold. */
export interface ConfigSchema {
  readonly object: GeneralSchema;
  /** {@link Section.moved}, of all sections. */
  readonly moved: Readonly<Record<string, string>>;
}

/** Sections come by name from outside, so that this layer knows no protocol. */
export function composeSchema(sections: Readonly<Record<string, Section>>): ConfigSchema {
  const named = Object.entries(sections);
  const shape = Object.fromEntries(named.map(([name, { schema }]) => [name, schema.prefault({})]));
  return {
    // What sections add to the type, they declare in `ConfigSections` and `ResolvedSections`.
    object: general.extend(shape) as unknown as GeneralSchema,
    moved: Object.assign({}, ...named.map(([, { moved }]) => moved)),
  };
}
