/**
 * How a plugin is defined (`definePlugin`) and represented in a config (`Plugin`). A `Plugin` is inert: nothing is checked or run
 * until a config that contains it is loaded.
 */
import type { z } from 'zod';
import type { Awaitable } from '../base/awaitable.ts';
import { show } from '../base/issue.ts';
import { nearest } from '../base/nearest.ts';
import type { Hooks, PluginContext } from './types.ts';

/** The definition of a plugin: a name, a schema of its options, and a function that makes its hooks. */
export interface PluginDefinition<Schema extends z.ZodType = z.ZodType> {
  /** Appears in logs and traces. */
  readonly name: string;
  /** Checks and types the options; without it, the plugin takes none. */
  readonly options?: Schema | undefined;
  /** Whether its `end` hook logs each request that ends badly; the server then does not. */
  readonly logsEnds?: boolean | undefined;
  /**
   * Runs once per generation, after the options of all plugins were found valid. State in its closure lives as long as the
   * generation; resources must be released by `context.onDispose`.
   */
  setup(options: z.output<Schema>, context: PluginContext): Awaitable<Hooks>;
}

/** A plugin with its options, as an element of a config. */
export interface Plugin {
  readonly name: string;
  readonly definition: PluginDefinition;
  /** As written in the config, not checked yet. */
  readonly options: unknown;
}

/** Makes a {@link Plugin} from options; the options may be omitted if the schema allows `undefined`. */
export type PluginFactory<Schema extends z.ZodType> =
  undefined extends z.input<Schema> ? (options?: z.input<Schema>) => Plugin : (options: z.input<Schema>) => Plugin;

/**
 * Defines a plugin and returns the function that a config calls to use it. Throws for an unknown key: hooks belong in what
 * `setup` returns.
 *
 * @example
 * export const greet = definePlugin({
 *   name: 'greet',
 *   options: z.strictObject({ text: z.string() }),
 *   setup: ({ text }) => ({ open: (request) => (request.name === 'hello' ? Buffer.from(text) : undefined) }),
 * });
 */
export function definePlugin<Schema extends z.ZodType = z.ZodUndefined>(
  definition: PluginDefinition<Schema>,
): PluginFactory<Schema> {
  const unknown = Object.keys(definition).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    const near = nearest(unknown, KEYS);
    const hint = near === undefined ? `there are: ${KEYS.join(', ')}` : `did you mean "${near}"?`;
    throw new TypeError(`plugin ${show(definition.name)}: unknown key ${show(unknown)}; ${hint}`);
  }
  const factory = (options?: unknown): Plugin =>
    Object.freeze({ [brand]: true, name: definition.name, definition: definition as unknown as PluginDefinition, options });
  return factory as PluginFactory<Schema>;
}

/** Whether a value is a plugin, also if another copy of this package made it. */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && brand in value;
}

const KEYS = ['name', 'options', 'logsEnds', 'setup'] as const satisfies readonly (keyof PluginDefinition)[] as readonly string[];

const brand = Symbol.for('pxe.plugin');
