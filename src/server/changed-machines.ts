/**
 * How many machines a reload has changed, for a person who has just saved a table: by what two configs list, and know of each. It
 * opens no file; what a machine would get by a rule for all (`rewrite`, say) does not count.
 */

import { inSlices, Slices } from '../base/time-slices.ts';
import type { Pipeline } from '../plugin/pipeline.ts';
import type { Machine } from '../plugin/types.ts';

/** Those that are new, gone, or different. Rejects with a `PluginError` if a plugin cannot list its machines. */
export async function countChangedMachines(before: Pipeline, after: Pipeline): Promise<number> {
  const [old, now] = [await machinesOf(before), await machinesOf(after)];
  // A machine of two MAC addresses is one.
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

/** By what tells each from others; entries of one MAC address are one machine. */
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
