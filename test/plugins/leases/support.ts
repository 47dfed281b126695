/** Lease files: the recorded samples, a folder of their own for those that a test writes, and a file's answers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LeaseFile } from '../../../plugins/leases/file.ts';
import type { FormatName } from '../../../plugins/leases/formats.ts';
import { recordingLog } from '../../plugin/support.ts';

export const samples = fileURLToPath(new URL('../../data/leases/', import.meta.url));

export async function scratch(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'pxe-leases-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A lease file with what it says in the log. */
export function leaseFile(path: string, format?: FormatName, now?: () => number) {
  const log = recordingLog();
  const file = new LeaseFile(path, format, log, {}, now);
  return {
    file,
    log,
    said: () => log.lines.map(({ level, message }) => `${level}: ${message}`),
    /** The MAC address that holds an address. */
    mac: async (address: string) => (await file.find(address))?.mac,
  };
}
