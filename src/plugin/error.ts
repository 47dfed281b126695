/**
 * The error of a plugin: for the log, never for a client.
 */
import type { Hooks } from './types.ts';

/** What a plugin was asked for when it failed. */
export type PluginStep = keyof Hooks | 'setup' | 'dispose';

/** A plugin failed: it threw something other than a `TftpError`, took too long, or answered with what the contract does not allow. */
export class PluginError extends Error {
  override readonly name = 'PluginError';
  readonly plugin: string;
  readonly hook: PluginStep;

  /** @param cause what was thrown, or a sentence that says what was wrong */
  constructor(plugin: string, hook: PluginStep, cause: unknown) {
    super(`plugin "${plugin}", ${hook}: ${describe(cause)}`, { cause });
    this.plugin = plugin;
    this.hook = hook;
  }
}

function describe(cause: unknown): string {
  if (cause instanceof Error) return cause.message || cause.name;
  return typeof cause === 'string' ? cause : `threw ${typeof cause === 'object' ? 'an object that is no Error' : String(cause)}`;
}
