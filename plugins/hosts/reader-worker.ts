/**
 * Reads a data file in a separate thread for `reading.ts`: parsing a YAML file of 100,000 hosts takes seconds, which must not
 * delay serving.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { readDataFile } from './data-file.ts';
import type { Columns } from './options.ts';
import type { Part } from './reading.ts';

/** Maximum hosts or issues of a message: as many as the receiving thread handles within a few milliseconds. */
const TOGETHER = 250;

const { file, columns, port } = workerData as { readonly file: string; readonly columns: Columns; readonly port: MessagePort };
const { inventory, issues, warnings, headers } = await readDataFile(file, columns);
const post = (part: Part): void => port.postMessage(part);
for (const hosts of batches(inventory.hosts)) post({ hosts });
for (const some of batches(issues)) post({ issues: some });
for (const some of batches(warnings)) post({ warnings: some });
post({ groups: inventory.groups, headers });
// Messages arrive in order, so all others have arrived before this one.
parentPort!.postMessage('done');

function* batches<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += TOGETHER) yield items.slice(at, at + TOGETHER);
}
