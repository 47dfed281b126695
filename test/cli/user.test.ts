/** What `pxe check` and `pxe explain` say where the config names a user: they look with that user's rights. */
import { chmodSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { folder } from '../kit/lab.ts';
import { pxe } from '../kit/pxe.ts';
import { describeWith, requireRoot } from '../kit/tools.ts';

function configured(text: string) {
  const at = folder();
  // Everybody may enter.
  for (let path = at.path; path !== '/tmp' && path !== '/'; path = dirname(path)) chmodSync(path, 0o755);
  const file = at.put(
    'pxe.config.ts',
    `import { hosts, identify } from 'pxe/plugins';\nexport default { rootDir: './ROOT', ${text} };\n`,
  );
  at.put('ROOT/open', 'o');
  return { ...at, file, inRoot: (name: string) => join(at.path, 'ROOT', name) };
}

const check = async (file: string) => {
  const { code, stdout } = await pxe(['check', '--config', file, '--json']);
  return { code, findings: (JSON.parse(stdout) as { findings: { severity: string; path: string; message: string }[] }).findings };
};

test.each([
  ['pxe-nobody', 'there is no user "pxe-nobody" on this machine: name another, or create it (useradd --system pxe-nobody)'],
  ['nobody:pxe-nogroup', 'there is no group "pxe-nogroup" on this machine'],
])('an account that is not there: %s', async (account, message) => {
  const { file } = configured(`user: '${account}'`);
  const { code, findings } = await check(file);
  expect(findings).toEqual([{ severity: 'error', path: 'user', message }]);
  expect(code).toBe(1);
});

describeWith('run by root', [requireRoot()], () => {
  test('what the user may not read is an error: files, folders, data files, the config itself', async () => {
    const at = configured(`user: 'nobody', plugins: [identify({ leases: ['./leases'] })]`);
    at.put('ROOT/closed/vmlinuz', 'k');
    chmodSync(at.inRoot('closed'), 0o750);
    chmodSync(at.put('ROOT/secret', 's'), 0o600);
    chmodSync(at.put('leases', '4102444800 52:54:00:12:34:56 127.0.0.1 web1 *\n'), 0o600);
    chmodSync(at.file, 0o600);
    const { code, findings } = await check(at.file);
    expect(code).toBe(1);
    expect(findings).toContainEqual(expect.objectContaining({ severity: 'error', path: 'user', file: at.file }));
    expect(findings).toContainEqual({
      severity: 'error',
      path: 'rootDir',
      message: 'user nobody cannot read secret, closed/: change owner or mode, or clients get ERROR 2',
    });
    expect(findings).toContainEqual(expect.objectContaining({ path: 'plugins[0].options.leases[0]' }));
  });

  test('explain sees what the server would', async () => {
    const at = configured(`user: 'nobody'`);
    chmodSync(at.put('ROOT/secret', 's'), 0o600);
    const asked = async (name: string) => pxe(['explain', name, '--config', at.file]);
    expect((await asked('open')).stdout).toMatch(/answer {3}open, 1 B/);
    const { code, stdout } = await asked('secret');
    expect(stdout).toMatch(/failed: error 2: access violation \(EACCES: permission denied.*secret/);
    expect(code).toBe(1);
  });

  test('a user who may read everything is no finding', async () => {
    expect(await check(configured(`user: 'nobody'`).file)).toEqual({ code: 0, findings: [] });
  });
});

test('explain names the cause of a refusal, and a broken link', async () => {
  const at = configured('');
  at.put('outside/start4.elf', 'e');
  symlinkSync('../outside', at.inRoot('d1f0c2aa'));
  symlinkSync('/nowhere/os', at.inRoot('os'));
  const asked = async (name: string) => (await pxe(['explain', name, '--config', at.file])).stdout;
  expect(await asked('d1f0c2aa/start4.elf')).toMatch(/error 2: access violation \(it leads out of the root\)/);
  expect(await asked('os/vmlinuz')).toMatch(/os\/vmlinuz: not found: os is a broken link to \/nowhere\/os/);
});
