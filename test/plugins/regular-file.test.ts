/** Files that a config names and that are not files, or never end: told at once, with no thread held and no memory filled. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRegularFile } from '../../plugins/lib/regular-file.ts';
import { readIfRegular } from '../../src/config/regular-file.ts';
import { folder } from '../kit/lab.ts';
import { pxe } from '../kit/pxe.ts';

const kinds: readonly (readonly [string, (path: string) => void, RegExp])[] = [
  ['a pipe that nobody writes to', (path) => execFileSync('mkfifo', [path]), /not a regular file/],
  ['a device that never ends', (path) => symlinkSync('/dev/zero', path), /not a regular file/],
  ['a folder', (path) => mkdirSync(path), /is a folder/],
];

describe.skipIf(process.platform === 'win32')('instead of a file', () => {
  test.each(kinds)('%s', async (_, make, problem) => {
    const path = join(folder().path, 'it');
    make(path);
    await expect(readRegularFile(path)).rejects.toThrow(problem);
    expect(await readIfRegular(path)).toBeUndefined();
  });

  test.each(kinds)('%s as table, map or template: check says so and ends', { timeout: 60_000 }, async (_, make, problem) => {
    const at = folder();
    make(join(at.path, 'it.csv'));
    at.put('ROOT/a', 'a');
    at.put(
      'pxe.config.ts',
      `import { defineConfig } from 'pxe';
import { generate, hosts, tftpdMap } from 'pxe/plugins';
export default defineConfig({
  rootDir: './ROOT',
  plugins: [hosts({ file: './it.csv' }), tftpdMap('./it.csv'), generate({ x: { template: './it.csv' } })],
});
`,
    );
    const { code, stdout, stderr } = await pxe(['check'], { cwd: at.path });
    expect(code).toBe(1);
    expect(`${stdout}${stderr}`.match(new RegExp(problem, 'g'))).toHaveLength(3);
  });
});

test('a file far longer than any table is not read; a usual one is', async () => {
  const path = join(folder().path, 'it');
  writeFileSync(path, 'mac,name\n');
  expect(String(await readRegularFile(path))).toBe('mac,name\n');
  expect(String(await readIfRegular(path))).toBe('mac,name\n');
  truncateSync(path, 2 ** 30);
  await expect(readRegularFile(path)).rejects.toThrow('it has 1073741824 bytes: more than 134217728 are not read');
});
