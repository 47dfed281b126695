/**
 * Plugins with valid options. Only these can be started, so no `setup` runs before all options are checked.
 */

import { check } from '../base/check-input.ts';
import { type Issue, show } from '../base/issue.ts';
import { isPlugin, type Plugin } from './define.ts';

/** A plugin with checked options. */
export interface ReadyPlugin {
  readonly plugin: Plugin;
  /** The options as parsed by the plugin's schema. */
  readonly options: unknown;
}

/** Checks the options of all plugins and returns all problems, with paths from `plugins[0]` on. */
export function readyPlugins(input: readonly unknown[]): {
  readonly plugins: readonly ReadyPlugin[];
  readonly issues: readonly Issue[];
} {
  const plugins: ReadyPlugin[] = [];
  const issues: Issue[] = [];
  input.forEach((plugin, index) => {
    if (!isPlugin(plugin)) {
      issues.push({ path: ['plugins', index], message: `expected a plugin, found ${show(plugin)}`, hint: pluginHint(plugin) });
      return;
    }
    const path = ['plugins', index, 'options'];
    const { options: schema } = plugin.definition;
    if (schema === undefined) {
      if (plugin.options !== undefined) issues.push({ path, message: `plugin "${plugin.name}" takes no options` });
      plugins.push({ plugin, options: undefined });
      return;
    }
    const result = check(schema, plugin.options, path);
    if (result.issues) issues.push(...result.issues);
    else plugins.push({ plugin, options: result.value });
  });
  return { plugins, issues };
}

function pluginHint(value: unknown): string | undefined {
  if (typeof value === 'function') return 'call the function: a plugin is what it returns, as in accessLog()';
  if (value instanceof Promise) return 'write `await` before it';
  return undefined;
}
