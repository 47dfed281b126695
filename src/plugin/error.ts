/**
 * The error of a plugin: for the log, never for a client.
 */
import { errorText, ownPlace } from '../base/error-text.ts';
import { formatPlace, type Place } from '../base/issue.ts';
import type { Hooks } from './types.ts';

/** What a plugin was asked for when it failed. */
export type PluginStep = keyof Hooks | 'setup' | 'dispose';

/**
 * A plugin failed: it threw something other than a `Refusal`, took too long, or answered with what the contract does not allow.
 * The message says where in the user's files, which plugin, and what went wrong down to the cause: each once.
 */
export class PluginError extends Error {
  override readonly name = 'PluginError';
  readonly plugin: string;
  readonly hook: PluginStep;
  /** The line of the user's own that it came from, where one is known. */
  readonly place: Place | undefined;
  /** The message without the place. */
  readonly problem: string;

  /** @param cause what was thrown, or a sentence that says what was wrong */
  constructor(plugin: string, hook: PluginStep, cause: unknown) {
    const place = ownPlace(cause);
    const problem = `plugin "${plugin}", ${hook}: ${errorText(cause)}`;
    super(place ? `${formatPlace(place)}: ${problem}` : problem, { cause });
    this.plugin = plugin;
    this.hook = hook;
    this.place = place;
    this.problem = problem;
  }
}
