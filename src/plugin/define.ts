/**
 * How a plugin is written (`definePlugin`) and what stands for it in a config (`Plugin`). A `Plugin` is inert: nothing is
 * checked and nothing runs until a config that holds it is loaded.
 */
import type { z } from 'zod';
import type { Awaitable } from '../base/awaitable.ts';
import { show } from '../base/issue.ts';
import { nearest } from '../base/nearest.ts';
import type { Hooks, PluginContext } from './types.ts';

/** What a plugin is: a name, a schema of its options, and a function that makes its hooks. */
export interface PluginDefinition<Schema extends z.ZodType = z.ZodType> {
  /** Stands in logs and traces. */
  readonly name: string;
  /** Checks and types the options; left out, the plugin takes none. */
  readonly options?: Schema | undefined;
  /** Its `end` hook writes a line for each request that ends badly: the server then writes none of its own. */
  readonly logsEnds?: boolean | undefined;
  /**
   * Runs once a generation, after the options of all plugins have been found valid. What it keeps in its closure lives as long
   * as the generation; what must be given back goes to `context.onDispose`.
   */
  setup(options: z.output<Schema>, context: PluginContext): Awaitable<Hooks>;
}

/** A plugin with options, as it stands in a config. */
export interface Plugin {
  readonly name: string;
  readonly definition: PluginDefinition;
  /** As the config's author wrote them, not checked yet. */
  readonly options: unknown;
}

/** Makes a {@link Plugin} of options; the options may be left out where the schema allows `undefined`. */
export type PluginFactory<Schema extends z.ZodType> =
  undefined extends z.input<Schema> ? (options?: z.input<Schema>) => Plugin : (options: z.input<Schema>) => Plugin;

/**
 * Defines a plugin and returns the function that a config calls to use it. Throws for a key that a plugin does not have: a hook
 * stands in what `setup` returns.
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

/** Tells a plugin from anything else, also one that another copy of this package has made. */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && brand in value;
}

const KEYS = ['name', 'options', 'logsEnds', 'setup'] as const satisfies readonly (keyof PluginDefinition)[] as readonly string[];

const brand = Symbol.for('pxe.plugin');
