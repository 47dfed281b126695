/**
 * Counts the machines that a reload has changed, for a user who has just saved a table. It compares what two configs list and say
 * about each machine. It opens no file; changes of rules for all machines (such as `rewrite`) do not count.
 */

import { inSlices, Slices } from '../base/time-slices.ts';
import type { Pipeline } from '../plugin/pipeline.ts';
import type { Machine } from '../plugin/types.ts';

/** Number of machines added, removed or changed. Rejects with a `PluginError` if a plugin cannot list its machines. */
export async function countChangedMachines(before: Pipeline, after: Pipeline): Promise<number> {
  const [old, now] = [await machinesOf(before), await machinesOf(after)];
  // A machine with two MAC addresses counts once.
  const changed = new Set<string>();
  const slices = new Slices();
  await inSlices(old, ([key, { name }]) => void (now.has(key) || changed.add(name)), slices);
  await inSlices(now, ([key, { name, text }]) => void (old.get(key)?.text === text || changed.add(name)), slices);
  return changed.size;
}

interface Known {
  readonly name: string;
  readonly text: string;
}

/** Machines by identity; entries with the same MAC address are one machine. */
async function machinesOf(pipeline: Pipeline): Promise<ReadonlyMap<string, Known>> {
  const machines = new Map<string, Known>();
  const take = ({ machine, text }: { readonly machine: Machine; readonly text: string }): void => {
    const key = identityOf(machine);
    machines.set(key, { name: machine.name, text: `${machines.get(key)?.text ?? ''}${text}` });
  };
  await inSlices(await pipeline.fingerprints(), take);
  return machines;
}

function identityOf({ name, mac, uuid, serial, address }: Machine): string {
  return mac ?? uuid ?? serial ?? address ?? name;
}

/** Whether one of these configs lists machines. */
export function listsMachines(...pipelines: readonly Pipeline[]): boolean {
  return pipelines.some((pipeline) => pipeline.listsMachines);
}
