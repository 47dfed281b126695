/**
 * The error of a plugin, for the log and never for a client.
 */
import { errorText, ownPlace } from '../base/error-text.ts';
import { formatPlace, type Place } from '../base/issue.ts';
import type { Hooks } from './types.ts';

/** The function of a plugin that failed. */
export type PluginStep = keyof Hooks | 'setup' | 'dispose';

/**
 * A plugin failed: it threw something other than a `Refusal`, took too long, or returned an answer that the contract forbids. The
 * message contains the place in the user's files, the plugin, and the chain of causes, each once.
 */
export class PluginError extends Error {
  override readonly name = 'PluginError';
  readonly plugin: string;
  readonly hook: PluginStep;
  /** The line of the user's code that caused it, if known. */
  readonly place: Place | undefined;
  /** The message without the place. */
  readonly problem: string;

  /** @param cause what was thrown, or a sentence that says what is wrong */
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
