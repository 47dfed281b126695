import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { findLeftovers } from '../../src/content/leftovers.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { processOwners } from '../../src/content/owner.ts';
import { temporaryName } from '../../src/content/temporary.ts';
import { UploadFolder } from '../../src/content/upload.ts';
import { temporaryFolder } from './fixture.ts';

const owners = { self: 'me', isGone: async (owner: string) => owner === 'gone' };
/** A clock that is ahead of the files by so much. */
const ahead = (ms: number) => ({ ...systemClock, wallTime: () => Date.now() + ms });
const HOUR_MS = 3_600_000;

function folder() {
  const { path, put } = temporaryFolder();
  const names = {
    gone: temporaryName('gone'),
    mine: temporaryName('me'),
    foreign: temporaryName('other'),
    old: '.pxe-upload-6f1c0a4e-8a0b-4b7e-9d5c-2f3a1b4c5d6e',
    below: join('a', 'b', temporaryName('gone')),
  };
  for (const name of Object.values(names)) put(join('ROOT', name), 'half');
  put(join('ROOT', 'whole'), 'whole');
  return { dir: join(path, 'ROOT'), names, path, put };
}

describe('temporary files that a crash has left', () => {
  test.each([
    ['of a process that has ended: at once; of others, and without a name: not yet', 0, ['gone', 'below']],
    ['after a day, whoever they belong to', 26 * HOUR_MS, ['gone', 'mine', 'foreign', 'old', 'below']],
  ] as const)('%s', async (_, ageMs, expected) => {
    const { dir, names } = folder();
    const found = await findLeftovers(dir, { fileSystem: nodeFileSystem, clock: ahead(ageMs), owners });
    expect(found.map(({ path }) => path).sort()).toEqual(expected.map((key) => join(dir, names[key])).sort());
    expect(found.every(({ bytes }) => bytes === 4)).toBe(true);
  });

  test('what was written to lately is kept, also when its name is old', async () => {
    const { dir, names } = folder();
    utimesSync(join(dir, names.foreign), 0, 0);
    const found = await findLeftovers(dir, { fileSystem: nodeFileSystem, clock: systemClock, owners });
    expect(found.map(({ path }) => path)).not.toContain(join(dir, names.foreign));
  });

  test('a sweep removes them, and nothing that a link leads to', async () => {
    const { dir, names, path, put } = folder();
    const outside = put(temporaryName('gone'), 'x');
    mkdirSync(join(path, 'elsewhere'));
    const beyond = put(join('elsewhere', temporaryName('gone')), 'x');
    symlinkSync(join(path, 'elsewhere'), join(dir, 'link'));
    const uploads = new UploadFolder({ dir, maxBytes: 1, overwrite: false, fileSystem: nodeFileSystem, owners });
    expect(await uploads.sweep()).toHaveLength(2);
    expect(readdirSync(dir).sort()).toEqual(['a', 'link', 'whole', names.mine, names.foreign, names.old].sort());
    expect([existsSync(outside), existsSync(beyond)]).toEqual([true, true]);
    expect(await uploads.sweep()).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux')('the process that a file belongs to', () => {
  test('this one lives, and so may one of another machine', async () => {
    const { self, isGone } = processOwners;
    expect(self).not.toContain('.');
    const [boot, namespace, pid, start] = self.split('-');
    expect(Number(pid)).toBe(process.pid);
    expect(await isGone(self)).toBe(false);
    expect(await isGone(`00000000-${namespace}-${pid}-1`)).toBe(false);
    expect(await isGone(`${boot}-1-${pid}-1`)).toBe(false);
    expect(await isGone('unknown')).toBe(false);
    // The number was given away anew, and belongs to no process.
    expect(await isGone(`${boot}-${namespace}-${pid}-${Number(start) + 1}`)).toBe(true);
    expect(await isGone(`${boot}-${namespace}-4999999-1`)).toBe(true);
  });
});
