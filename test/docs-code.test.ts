/**
 * The code that README and docs/ show compiles in a user's own repo, by either way that docs/plugins.md describes, and does what the
 * pages say.
 */
import { mkdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import * as plugins from '../plugins/index.ts';
import { page, pages } from './kit/docs.ts';
import { repository } from './kit/examples.ts';
import { folder } from './kit/lab.ts';
import { pxe, run } from './kit/pxe.ts';

const tsc = join(repository, 'node_modules/typescript/bin/tsc');
/** By its own name, as other blocks import it. */
const firstConfig = { 'pxe.config.ts': blocksIn(page('README.md'), 'ts')[0]! };

/** Every block by a name of its own; one that shows an expression alone is given the imports that a config has. */
const files: Readonly<Record<string, string>> = {
  ...firstConfig,
  ...Object.fromEntries(
    pages.flatMap(({ path, text }) =>
      blocksIn(text, 'ts').map((code, index) => {
        const whole = /^import /m.test(code);
        const imports = `import { ${Object.keys(plugins).join(', ')} } from 'pxe/plugins';\n`;
        return [`${basename(path, '.md')}-${index}.ts`, whole ? code : `${imports}export const shown = ${code}`];
      }),
    ),
  ),
};

test('there is code to be tried', () => {
  expect(firstConfig['pxe.config.ts']).toMatch(/^\/\/ pxe\.config\.ts\n/);
  expect(Object.keys(files).length).toBeGreaterThan(8);
});

test('it compiles where tsconfig.json names the clone', async () => {
  const repo = folder();
  repo.put('package.json', '{ "type": "module" }');
  const [tsconfig, ...others] = blocksIn(page('docs/plugins.md'), 'json');
  expect(others).toEqual([]);
  for (const [name, code] of Object.entries(files)) repo.put(name, code);
  repo.put('tsconfig.json', tsconfig!.replaceAll('/home/you/src/pxe/', repository));
  expect(await run([process.execPath, tsc], { cwd: repo.path, limitMs: 100_000 })).toMatchObject({
    stdout: '',
    stderr: '',
    code: 0,
  });
}, 120_000);

test('it compiles where the clone is linked, and node --test runs there', async () => {
  const repo = folder();
  repo.put('package.json', '{ "type": "module" }');
  for (const [name, code] of Object.entries(files)) repo.put(name, code);
  mkdirSync(join(repo.path, 'node_modules'));
  symlinkSync(repository, join(repo.path, 'node_modules/pxe'));
  const compilerOptions = { module: 'nodenext', strict: true, noEmit: true, allowImportingTsExtensions: true };
  repo.put('tsconfig.json', JSON.stringify({ compilerOptions }));
  expect(await run([process.execPath, tsc], { cwd: repo.path, limitMs: 100_000 })).toMatchObject({
    stdout: '',
    stderr: '',
    code: 0,
  });

  repo.put('tftpboot/ipxe/snponly.efi', 'loader');
  const own = Object.keys(files).filter((name) => files[name]!.includes("from 'node:test'"));
  expect(own).toHaveLength(1);
  const { code, stdout } = await run([process.execPath, '--test', ...own], { cwd: repo.path, limitMs: 60_000 });
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/pass 1$/m) });
}, 180_000);

test('the first config does what README says line by line', async () => {
  const lab = folder();
  lab.put('pxe.config.ts', firstConfig['pxe.config.ts']);
  lab.put('tftpboot/ipxe/snponly.efi', 'loader');
  lab.put('tftpboot/hosts/web1/own', 'web1');
  lab.put('tftpboot/hosts/lab/shared', 'lab');
  lab.put('tftpboot/all', 'all');
  expect(await pxe(['check'], { cwd: lab.path })).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/ is fine\. /),
  });
  const served = async (name: string, ...client: string[]) => {
    const { stdout } = await pxe(['explain', name, '--json', ...client], { cwd: lab.path });
    return (JSON.parse(stdout) as { served?: { from: string } }).served?.from;
  };
  const web1 = ['--ip', '192.168.7.20'];
  expect(await served('bootloader.efi', ...web1)).toBe('ipxe/snponly.efi');
  expect(await served('Boot/bootloader.efi', ...web1)).toBe('ipxe/snponly.efi');
  expect(await served('own', ...web1)).toBe('hosts/web1/own');
  expect(await served('shared', ...web1)).toBe('hosts/lab/shared');
  expect(await served('all', ...web1)).toBe('all');
  expect(await served('bootloader.efi', '--mac', '52:54:00:12:34:56')).toBe('ipxe/snponly.efi');
  expect(await served('own', '--mac', '52:54:00:00:00:01')).toBeUndefined();
}, 60_000);

test('check reports what the guide shows', async () => {
  const lab = folder();
  lab.put(
    'pxe.config.ts',
    `import { identify, hosts } from 'pxe/plugins';
     const files = { 'boot.efi': 'ipxe/snponly.efi' };
     export default { uploads: { dir: 'uploads' }, plugins: [identify({ filename: true }), hosts({ '52:54:00:12:34:56': { files } })] };`,
  );
  for (const name of ['BCD', 'bcd']) lab.put(`tftpboot/boot/${name}`, name);
  const { code, stdout, stderr } = await pxe(['check'], { cwd: lab.path });
  expect(code).toBe(1);
  const shown = blocksIn(page('docs/guide.md'), 'console').find((block) => block.startsWith('$ pxe check\n'));
  expect(`$ pxe check\n${stdout}${stderr}`.replaceAll(lab.path, '/srv/lab')).toBe(shown);
});

test('a Raspberry Pi has a folder of its own, as the guide shows', async () => {
  const lab = folder();
  lab.put('pxe.config.ts', blocksIn(page('docs/guide.md'), 'ts').find((code) => code.includes("'serial:"))!);
  lab.put('tftpboot/pi1/config.txt', 'arm_64bit=1');
  lab.put('tftpboot/start4.elf', 'for all');
  const served = async (name: string) => {
    const { stdout } = await pxe(['explain', name, '--ip', '192.168.7.9', '--json'], { cwd: lab.path });
    return (JSON.parse(stdout) as { served?: { from: string } }).served?.from;
  };
  expect(await served('abcd1234/config.txt')).toBe('pi1/config.txt');
  expect(await served('abcd1234/start4.elf')).toBe('start4.elf');
  expect(await served('00000001/config.txt')).toBeUndefined();
}, 60_000);

/** What fenced blocks of a language hold. */
function blocksIn(text: string, language: string): readonly string[] {
  return Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')), ([, code]) => code!);
}
