/**
 * Whether machines get what they are offered: over every machine of a config and one that is not listed, with each firmware, the file
 * that is offered is asked of a real server, by the machine that it was offered to.
 */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import type { Firmware } from '../../src/base/firmware.ts';
import type { ResolvedConfig } from '../../src/config/resolve.ts';
import { definePlugin } from '../../src/plugin/define.ts';
import type { Identity } from '../../src/plugin/types.ts';
import { offersTo } from '../../src/server/boot-offer.ts';
import { createResolvedServer, withGeneration } from '../../src/server/create.ts';
import { explain } from '../../src/server/explain.ts';
import { resolveConfig } from './config.ts';
import { type Address, get } from './tftp.ts';

/** A file that a machine is offered, and what it then gets. */
export interface OfferedFile {
  readonly machine: string;
  readonly firmware: Firmware;
  readonly file: string;
  /** Of the first 64 KiB, as `pxe explain` has it; or how it is refused. */
  readonly told: string;
  /** The same of what came by TFTP. */
  readonly got: string;
  /** The same of what came by HTTP; or the status. */
  readonly gotByHttp: string;
}

function digest(bytes: Uint8Array): string {
  return hash('sha256', bytes.subarray(0, 65_536));
}

async function getByHttp({ address: host, port }: Address, name: string, localAddress: string): Promise<string> {
  const path = `/${name.split('/').map(encodeURIComponent).join('/')}`;
  const [response] = (await once(httpGet({ host, port, path, localAddress, agent: false }), 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return response.statusCode === 200 ? digest(Buffer.concat(pieces)) : `status ${response.statusCode}`;
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
  const { http } = resolveConfig({ rootDir: '.', http: { listen: [{ address: '127.0.0.1', port: 0 }] } }, { dir: '/' });
  const known = definePlugin({ name: 'known', setup: () => ({ identify: ({ client }) => identities.get(client.address) }) })();
  const server = createResolvedServer({
    ...config,
    dhcp: undefined,
    http,
    tftp: { ...config.tftp, listen: [{ address: '127.0.0.1', port: 0 }] },
    plugins: [{ plugin: known, options: undefined }, ...config.plugins],
  });
  try {
    await server.start();
    const files: OfferedFile[] = [];
    for (const [index, { client: _, ...one }] of offered.entries()) {
      const local = addresses[index]!;
      const { bytes, error } = await get(server.addresses[0]!, one.file, { local });
      const gotByHttp = await getByHttp(server.addresses[1]!, one.file, local);
      files.push({ ...one, got: error ? `ERROR ${error.code}` : digest(bytes), gotByHttp });
    }
    return files;
  } finally {
    await server.stop(0);
  }
}
