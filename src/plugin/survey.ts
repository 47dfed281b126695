/**
 * What plugins tell of themselves when nobody is being served: the machines that a config lists, and what will not work in it.
 * Plugins are asked one after the other, each within the time that its `setup` has.
 */

import type { Awaitable } from '../base/awaitable.ts';
import { inSlices, Slices } from '../base/time-slices.ts';
import { during } from './activity.ts';
import { expectFileName, expectFinding, expectIterable, expectMachine } from './answers.ts';
import { PluginError } from './error.ts';
import { callHook } from './hook.ts';
import type { StartedPlugin, Surroundings } from './setup.ts';
import type { Call, CheckCall, Finding, Folder, Hooks, IdentitySource, Machine } from './types.ts';

export type SurveySurroundings = Surroundings & { readonly root: Folder; readonly sources?: () => readonly IdentitySource[] };

/** All machines of all plugins, in the order of the config, each with the names that are for all. Throws a `PluginError`. */
export async function surveyMachines(plugins: readonly StartedPlugin[], around: SurveySurroundings): Promise<readonly Machine[]> {
  const machines: Machine[] = [];
  const names: string[] = [];
  const slices = new Slices();
  for (const plugin of plugins) {
    await told(plugin, 'machines', async () => {
      const answer = await ask(plugin, around, 'machines', (call) => plugin.hooks.machines?.(call));
      await inSlices(expectIterable(answer), (machine) => machines.push(expectMachine(machine)), slices);
    });
    await told(plugin, 'names', async () => {
      const answer = await ask(plugin, around, 'names', (call) => plugin.hooks.names?.(call));
      await inSlices(expectIterable(answer), (name) => names.push(expectFileName(name)), slices);
    });
  }
  const listed: Machine[] = [];
  const withNames = (machine: Machine) => listed.push({ ...machine, names: [...new Set([...machine.names, ...names])] });
  await inSlices(machines, withNames, slices);
  return listed;
}

async function told(plugin: StartedPlugin, hook: 'machines' | 'names', work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new PluginError(plugin.name, hook, error);
  }
}

/** What all plugins find, given the machines that they list, with paths from `plugins[0]` on. A plugin that fails to say is a finding itself. */
export async function surveyFindings(
  plugins: readonly StartedPlugin[],
  around: SurveySurroundings,
  clients: CheckCall['clients'],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [index, plugin] of plugins.entries()) {
    const path = ['plugins', index];
    try {
      const answer = await ask(plugin, around, 'check', (call) => plugin.hooks.check?.(Object.assign(call, { clients })));
      for (const finding of expectIterable(answer).map(expectFinding))
        findings.push({ ...finding, path: [...path, 'options', ...finding.path] });
    } catch (error) {
      const { problem, place } = new PluginError(plugin.name, 'check', error);
      findings.push({ severity: 'error', path, message: problem, ...(place && { file: place.file, line: place.line }) });
    }
  }
  return findings;
}

async function ask<T>(
  plugin: StartedPlugin,
  { clock, setupMs, root, sources, log, activity }: SurveySurroundings,
  name: keyof Hooks,
  hook: (call: Call) => Awaitable<T>,
): Promise<T> {
  return callHook((call) => during(activity, plugin.name, name, () => hook(call)), {
    clock,
    counters: plugin.counters,
    hookMs: setupMs,
    root,
    sources,
    log: () => log.child({ plugin: plugin.name }),
  });
}
