/**
 * The keys of a config: their ranges, defaults and descriptions. The comments of `config.ts`, the reference in `docs/` and the
 * JSON Schema are generated from here by `npm run docs`.
 */
import { z } from 'zod';
import { DEFAULT_CACHE_BYTES } from '../content/cache.ts';
import { milliseconds, millisecondsOrNone, text, whole } from './values.ts';

const MIB = 1024 ** 2;

/** The key `uploads`. */
export const uploads = z.strictObject({
  dir: text.meta({
    description: 'Folder for uploads, relative to the config file. It must exist; folders in a name are created under it.',
    more: 'An upload is written to a temporary file (`.pxe-upload-…`) and renamed when it is complete. Temporary files left behind by a crash are removed at the next start, if their process has ended or they are a day old.',
  }),
  maxBytes: whole(0, Number.MAX_SAFE_INTEGER)
    .default(64 * MIB)
    .describe('Largest upload, in bytes; a larger one fails with ERROR 3.'),
  keepFreeBytes: whole(0, Number.MAX_SAFE_INTEGER).optional().meta({
    description:
      'Disk space that all uploads together leave free, in bytes; an upload that would need it fails with ERROR 3. If left out: 1 GiB, or a tenth of a disk of less than 10 GiB.',
    leftOut: '1 GiB, or a tenth of a smaller disk',
  }),
  overwrite: z
    .boolean()
    .default(false)
    .describe('Replace existing files. Otherwise, an upload of an existing file fails with ERROR 6.'),
});

/** The key `limits`. */
export const limits = z.strictObject({
  hookMs: milliseconds.default(5000).describe("Time limit for one call of a plugin's hook."),
  diskMs: milliseconds
    .default(4000)
    .describe(
      'Time limit for a lookup, for opening a file, and for reading a small one; after that the request fails. Reads during a transfer are limited by `tftp.limits.idleMs`.',
    ),
  setupMs: milliseconds
    .default(10_000)
    .describe(
      "Time limit for a plugin's `setup`, `machines`, `check` and each of its `onDispose` functions, and for importing the config.",
    ),
  stopMs: millisecondsOrNone.default(10_000).describe('Time allowed for transfers to finish when the server stops.'),
});

/** A plugin in a config that is data: JSON or YAML. */
export const pluginReference = z
  .strictObject({
    use: text.describe(
      'A name from `pxe/plugins` (`hosts`), or a module and its export (`./my-plugin.ts#greet`), relative to the config file.',
    ),
    options: z.unknown().describe("Options for the plugin's function."),
  })
  .describe('A plugin in a config that is data: JSON or YAML.');

/** Keys that concern every protocol. The options of `plugins` are checked by their own schemas. */
export const general = z.strictObject({
  rootDir: text
    .default('./tftpboot')
    .describe('Files are served from this folder and from nowhere else. Relative to the config file.'),
  followLinks: z.boolean().default(false).describe('Also serve targets of symbolic links outside the root.'),
  caseInsensitive: z.boolean().default(false).describe('Find `Boot/BCD` for `boot/bcd`; an exact match is preferred.'),
  stableMs: whole(0, 60_000)
    .default(100)
    .describe(
      'A file changed within this time may still be incomplete: the server waits until it has not changed for this long.',
    ),
  stableWaitMs: whole(0, 60_000).default(2000).meta({
    description: 'Longest wait for a file that keeps changing; then the request fails.',
    more: 'For TFTP this is ERROR 0 "file is being written".',
  }),
  cacheBytes: whole(0, Number.MAX_SAFE_INTEGER).default(DEFAULT_CACHE_BYTES).meta({
    description: 'Bytes of files kept in memory, shared by all transfers.',
    more: "This is for all threads together; the operating system's cache keeps the rest. Another 4 MiB of large files may be held for clients that have never answered.",
  }),
  user: z
    .string()
    .regex(/^[^:\s]+(:[^:\s]+)?$/, 'expected a user, or user:group')
    .optional()
    .meta({
      description:
        'User that the server switches to once the ports are bound: `nobody` or `nobody:nogroup`. If left out, the server keeps running as the user that started it.',
      leftOut: 'none',
    }),
  uploads: uploads.optional().meta({ description: 'Accept uploads. If left out, they are refused.', leftOut: 'refused' }),
  limits: limits.prefault({}).describe('Time limits that apply to every protocol. The limits of a protocol are in its section.'),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default('info')
        .describe('Lowest level that is written.'),
      time: z
        .enum(['epoch', 'iso'])
        .default('epoch')
        .describe('The time in JSON lines: milliseconds since the epoch, or `2026-11-30T15:18:26.123Z` with `iso`.'),
      levels: z.enum(['number', 'name']).default('number').describe('The level in JSON lines: `30`, or `"info"` with `name`.'),
    })
    .prefault({})
    .describe('What is logged, and how.'),
  plugins: z
    .array(z.unknown())
    .default([])
    .meta({ description: 'What each machine gets. Plugins are asked in this order.', more: 'See [plugins](#plugins).' }),
});

/** {@link ConfigSchema.object} without sections: the keys that its output always has. */
export type GeneralSchema = typeof general;

/** A protocol's section of the config: an object under the protocol's name. */
export interface Section {
  readonly schema: z.ZodObject;
  /** Whether the protocol is off in a config without the section. Otherwise an omitted section has all its defaults. */
  readonly isOptional?: boolean;
  /** Former paths of its keys, and their new ones: `listen` → `tftp.listen`. */
  readonly moved?: Readonly<Record<string, string>>;
}

/** The schema of a whole config. */
export interface ConfigSchema {
  readonly object: GeneralSchema;
  /** {@link Section.moved} of all sections. */
  readonly moved: Readonly<Record<string, string>>;
}

/** The caller passes sections by name, so that this layer knows no protocol. */
export function composeSchema(sections: Readonly<Record<string, Section>>): ConfigSchema {
  const named = Object.entries(sections);
  const shape = Object.fromEntries(named.map(([name, section]) => [name, keyOf(section)]));
  return {
    // Sections declare their types in `ConfigSections` and `ResolvedSections`.
    object: general.extend(shape) as unknown as GeneralSchema,
    moved: Object.assign({}, ...named.map(([, { moved }]) => moved)),
  };
}

function keyOf({ schema, isOptional }: Section): z.ZodType {
  return isOptional ? schema.optional().meta({ ...schema.meta(), leftOut: 'off' }) : schema.prefault({});
}
