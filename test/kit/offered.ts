/**
 * Whether machines get what they are offered: over every machine of a config and one that is not listed, with each firmware, the file
 * that is offered is asked of a real server, by the machine that it was offered to.
 */
import { hash } from 'node:crypto';
import type { Firmware } from '../../src/base/firmware.ts';
import type { ResolvedConfig } from '../../src/config/resolve.ts';
import { definePlugin } from '../../src/plugin/define.ts';
import type { Identity } from '../../src/plugin/types.ts';
import { offersTo } from '../../src/server/boot-offer.ts';
import { createResolvedServer, withGeneration } from '../../src/server/create.ts';
import { explain } from '../../src/server/explain.ts';
import { get } from './tftp.ts';

/** A file that a machine is offered, and what it then gets. */
export interface OfferedFile {
  readonly machine: string;
  readonly firmware: Firmware;
  readonly file: string;
  /** Of the first 64 KiB, as `pxe explain` has it; or how it is refused. */
  readonly told: string;
  /** The same of what came over the wire. */
  readonly got: string;
}

export async function offeredFiles(config: ResolvedConfig): Promise<readonly OfferedFile[]> {
  const offered = await withGeneration(config, async (generation) => {
    const machines = [...(await generation.pipeline.machines()), { name: 'not listed', names: [] }];
    const found = [];
    for (const machine of machines) {
      for (const [firmware, { file, question, client }] of await offersTo(generation, machine)) {
        if (file === undefined) continue;
        const { served, error } = await explain(generation, { ...question, name: file });
        found.push({ machine: machine.name, firmware, file, client, told: served?.digest ?? `ERROR ${error?.code}` });
      }
    }
    return found;
  });
  // Each asks from an address of its own, by which the server knows it.
  const addresses = offered.map((_, index) => `127.8.${index >> 8}.${index & 255 || 1}`);
  const identities = new Map<string, Identity>();
  for (const [index, { client }] of offered.entries()) {
    const { mac, uuid, serial, firmware, arch } = client;
    const known = Object.entries({ mac, uuid, serial, firmware, arch }).filter(([, value]) => value !== undefined);
    identities.set(addresses[index]!, { ...Object.fromEntries(known), source: 'dhcp' });
  }
  const known = definePlugin({ name: 'known', setup: () => ({ identify: ({ client }) => identities.get(client.address) }) })();
  const server = createResolvedServer({
    ...config,
    dhcp: undefined,
    tftp: { ...config.tftp, listen: [{ address: '127.0.0.1', port: 0 }] },
    plugins: [{ plugin: known, options: undefined }, ...config.plugins],
  });
  try {
    await server.start();
    const files: OfferedFile[] = [];
    for (const [index, { client: _, ...one }] of offered.entries()) {
      const { bytes, error } = await get(server.addresses[0]!, one.file, { local: addresses[index]! });
      files.push({ ...one, got: error ? `ERROR ${error.code}` : hash('sha256', bytes.subarray(0, 65_536)) });
    }
    return files;
  } finally {
    await server.stop(0);
  }
}
