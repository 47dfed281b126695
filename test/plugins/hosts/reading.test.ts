/** Large data files: read in a thread of their own, taken in slices, and the same as if they were read here. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDataFile } from '../../../plugins/hosts/data-file.ts';
import { loadInventory } from '../../../plugins/hosts/load.ts';
import { readApart } from '../../../plugins/hosts/reading.ts';
import { Registry } from '../../../plugins/hosts/registry.ts';
import { Slices } from '../../../src/base/time-slices.ts';
import { folderOf } from '../../config/support.ts';

/** Every look at the clock takes a millisecond; a slice is ten of them. */
function counting() {
  let now = 0;
  const seen = { rests: 0, longest: 0, since: 0 };
  const slices = new Slices({
    ms: 10,
    now: () => ++now,
    rest: async () => {
      seen.longest = Math.max(seen.longest, now - seen.since);
      seen.since = now;
      seen.rests++;
    },
  });
  return { seen, slices };
}

const macOf = (n: number) => `52:54:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;
const COUNT = 3000;
const rows = Array.from({ length: COUNT }, (_, n) => `${macOf(n)},web${n}`);
const csv = `mac,name\n${rows.join('\n')}\n`;
const yaml = `groups: { lab: {} }\nhosts:\n${rows.map((row) => `  ${row.replace(',', ': { groups: [lab], name: ')} }`).join('\n')}\n`;

describe('in a thread', () => {
  test.each<[string, Record<string, string>]>([
    ['t.csv', { 't.csv': csv }],
    ['t.yaml', { 't.yaml': yaml }],
    ['gone.csv', {}],
    ['wrong.csv', { 'wrong.csv': `mac\n${'x\n'.repeat(600)}` }],
    ['warns.yaml', { 'warns.yaml': 'default: { variables: { version: 1.10 } }' }],
  ])('%s is the same as here', async (file, files) => {
    const path = join(folderOf(files), file);
    const here = await readDataFile(path);
    const there = await readApart(path, undefined, new Slices(), -1);
    expect({ ...there, headers: [] }).toEqual({ ...here, headers: [] });
    expect(there.headers).toEqual(here.headers ?? []);
  });

  test('columns go along', async () => {
    const path = join(folderOf({ 't.csv': csv.replace('mac', 'NIC 1') }), 't.csv');
    const { inventory } = await readApart(path, { 'NIC 1': 'mac' }, new Slices(), -1);
    expect(inventory.hosts).toHaveLength(COUNT);
  });
});

test.each(['t.csv', 't.yaml'])('%s is taken in, and its machines are listed, in slices', async (file) => {
  const path = join(folderOf({ 't.csv': csv, 't.yaml': yaml }), file);
  const reading = counting();
  const inline = { hosts: [], groups: [] };
  const { inventory } = await loadInventory(inline, { files: [path], options: {}, slices: reading.slices, tolerate: undefined });
  expect(inventory.hosts).toHaveLength(COUNT);
  // A message holds 250 hosts, and the clock is looked at after each.
  expect(reading.seen.rests).toBeGreaterThanOrEqual(1);
  const listing = counting();
  const registry = await Registry.inSlices(inventory, (name) => name, listing.slices);
  expect(registry.entries).toHaveLength(COUNT);
  expect(registry.match({ mac: macOf(COUNT - 1) }, '')).toHaveLength(1);
  // The clock is looked at after each host: ten of them a slice.
  expect(listing.seen.rests).toBeGreaterThan(COUNT / 15);
  expect(listing.seen.longest).toBeLessThanOrEqual(12);
});
