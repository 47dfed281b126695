/** `pxe check` as a user has it. What they compute is tested elsewhere: here is how they tell it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { judge } from '../../src/cli/check.ts';
import { folder } from '../kit/lab.ts';
import { cli, pxe, start } from '../kit/pxe.ts';

const good = `import { defineConfig } from 'pxe';
import { hosts, identify, rewrite } from 'pxe/plugins';
export default defineConfig({
  rootDir: './ROOT',
  tftp: { listen: [{ address: '127.0.0.1', port: 0 }] },
  plugins: [
    identify({ table: { '192.168.7.20': '52:54:00:12:34:56' } }),
    rewrite([{ match: /^boot\\//i, replace: '' }]),
    hosts({ '52:54:00:12:34:56': { files: { 'loader.efi': 'ipxe/snponly.efi' }, folder: 'hosts/web1' } }),
  ],
});
`;

function configured(text: string) {
  const at = folder();
  const file = at.put('pxe.config.ts', text);
  at.put('ROOT/ipxe/snponly.efi', 'x'.repeat(2048));
  at.put('ROOT/hosts/web1/boot.ipxe', 'x');
  return { ...at, file };
}

describe('check', () => {
  test('of a good config: 0, where it is, what it serves, its plugins', async () => {
    const at = configured(good);
    at.put('ipxe/snponly.efi', 'below the other root');
    at.put('hosts/web1/boot.ipxe', 'x');
    const [plain, json, flags] = await Promise.all([
      pxe(['check'], { cwd: at.root }),
      pxe(['check', '--config', at.file, '--json'], { cwd: '/' }),
      pxe(['check', '-c', at.file, '--root-dir', '.', '--interface', '127.0.0.1', '--interface', 'lo', '--port', '6969'], {
        cwd: at.path,
      }),
    ]);
    expect(plain).toEqual({
      code: 0,
      signal: null,
      stdout: `../pxe.config.ts is fine. Root: ${at.root}. Plugins: identify, rewrite, hosts.\n`,
      stderr: '',
    });
    expect(json).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toEqual({ ok: true, file: at.file, findings: [], notes: [] });
    expect(flags).toMatchObject({ code: 0, stdout: expect.stringContaining(`Root: ${at.path}.`) });
  });

  test('of what the config names: 1, every problem at once', async () => {
    const at = folder();
    at.put(
      'pxe.config.ts',
      `import { definePlugin } from 'pxe';
const bad = definePlugin({ name: 'bad', setup() { throw new Error('no licence'); } });
export default {
  rootDir: 'nowhere', uploads: { dir: 'nowhere/up' }, plugins: [bad()],
  tftp: { listen: [{ address: '127.0.0.1' }, { interface: 'lab7' }, { address: '192.0.2.7' }, { address: '127.8.8.8' }, { address: '::' }] },
};`,
    );
    const [plain, json] = await Promise.all([pxe(['check'], { cwd: at.path }), pxe(['check', '--json'], { cwd: at.path })]);
    expect(plain.code).toBe(1);
    expect(plain.stdout).toBe('');
    expect(plain.stderr).toMatch(/^pxe: .*pxe\.config\.ts: 5 errors, no warnings\n/);
    for (const told of [
      `error    rootDir: there is no folder ${join(at.path, 'nowhere')}: create it`,
      `uploads.dir: there is no folder ${join(at.path, 'nowhere/up')}`,
      'tftp.listen[1].interface: no interface "lab7" has an address; interfaces that have one',
      'tftp.listen[2].address: 192.0.2.7 is not an address of this machine; it has: 127.0.0.1',
      'plugins[0]: plugin "bad", setup: no licence',
    ]) {
      expect(plain.stderr).toContain(told);
    }
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      findings: Array(5).fill({ severity: 'error', path: expect.any(String) }),
    });
  });

  test('of what plugins find: paths within the config, files of their own; only warnings are 0', async () => {
    const at = folder();
    const finding = (finding: object) =>
      `definePlugin({ name: 'finds', setup: () => ({ check: () => [${JSON.stringify(finding)}] }) })()`;
    const config = (...plugins: string[]) =>
      `import { definePlugin } from 'pxe';\nexport default { rootDir: 'ROOT', plugins: [${plugins.join(', ')}] };`;
    const warning = finding({ severity: 'warning', path: ['web1', 'files', 'a.efi'], message: 'never asked\x1b[2J' });
    const error = finding({ severity: 'error', path: ['file'], message: 'no such group', file: 'rack.csv', line: 3 });
    const hangs = "definePlugin({ name: 'hangs', setup: () => ({ check: () => new Promise((r) => setTimeout(r, 1e5)) }) })()";
    at.put('warns.config.ts', config(warning));
    at.put('fails.config.ts', config(warning, error, hangs).replace('rootDir', 'limits: { setupMs: 50 }, rootDir'));
    const [warns, fails, json] = await Promise.all([
      pxe(['check', '-c', 'warns.config.ts'], { cwd: at.path }),
      pxe(['check', '-c', 'fails.config.ts'], { cwd: at.path }),
      pxe(['check', '-c', 'warns.config.ts', '--json'], { cwd: at.path }),
    ]);
    expect(warns).toEqual({
      code: 0,
      signal: null,
      stdout: `${join(at.path, 'warns.config.ts')}: no errors, 1 warning\n  warning  plugins[0].options.web1.files["a.efi"]: never asked\\x1b[2J\n`,
      stderr: '',
    });
    expect(fails.code).toBe(1);
    expect(fails.stderr.split('\n').slice(1)).toEqual([
      '  warning  plugins[0].options.web1.files["a.efi"]: never asked\\x1b[2J',
      '  error    rack.csv:3: plugins[1].options.file: no such group',
      '  error    plugins[2]: plugin "hangs", check: not done within 50 ms',
      '',
    ]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: true,
      findings: [{ severity: 'warning', path: 'plugins[0].options.web1.files["a.efi"]' }],
    });
  });

  test('a note tells what has been found, and nothing is wrong', async () => {
    const at = configured(good.replace("table: { '192.168.7.20': '52:54:00:12:34:56' }", "leases: ['./leases']"));
    const leases = at.put('leases', '0 52:54:00:12:34:56 192.168.7.50 web1 *\n');
    const message = '1 lease active, read as dnsmasq: 192.168.7.50 is 52:54:00:12:34:56 (leases)';
    expect(await pxe(['check', '--config', at.file])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ is fine\..*\n {2}note {5}.*leases: plugins\[0\]\.options\.leases\[0\]: 1 lease active/),
    });
    const json = await pxe(['check', '--config', at.file, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ...{ ok: true, findings: [] },
      notes: [{ severity: 'note', path: 'plugins[0].options.leases[0]', message, file: leases }],
    });
  });

  test('a hundred findings are told, the rest is counted', async () => {
    const at = folder();
    const many = "Array.from({ length: 130 }, (_, n) => ({ severity: 'error', path: [n], message: 'wrong' }))";
    at.put(
      'pxe.config.ts',
      `import { definePlugin } from 'pxe';\nexport default { rootDir: 'ROOT', plugins: [definePlugin({ name: 'finds', setup: () => ({ check: () => ${many} }) })()] };`,
    );
    const { stderr } = await pxe(['check'], { cwd: at.path });
    expect(stderr).toContain('pxe.config.ts: 130 errors, no warnings\n  error    plugins[0].options[0]: wrong\n');
    expect(stderr.split('\n').slice(-3)).toEqual([
      '  error    plugins[0].options[99]: wrong',
      '  and 30 more; --json prints all',
      '',
    ]);
  });

  test('of a config that cannot be used: 2', async () => {
    const at = configured('export default { rotDir: 5 };');
    const [plain, json] = await Promise.all([pxe(['check'], { cwd: at.path }), pxe(['check', '--json'], { cwd: at.path })]);
    expect(plain).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/rotDir: unknown key/) });
    expect(json).toMatchObject({ code: 2 });
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, error: expect.stringContaining('rotDir: unknown key') });
  });

  test('on a terminal findings are in colour, elsewhere they are plain', async () => {
    const at = configured(good.replace('hosts/web1', 'hosts/wbe1'));
    const { text, colouredText } = await judge({ config: at.file });
    expect(text).toContain('  error    plugins[2].options["52:54:00:12:34:56"].folder: there is no folder "hosts/wbe1"');
    expect(colouredText).toContain('  \x1b[31merror  \x1b[0m\x1b[1m  plugins[2]');
    expect(stripVTControlCharacters(colouredText)).toBe(text);
    at.put('pxe.config.ts', 'export default {\n  rootDir: nowhere };\n');
    const broken = await judge({ config: at.file });
    expect(broken.text).toContain('2:12: nowhere is not defined');
    expect(broken.colouredText).toContain('\x1b[2m    2 |   rootDir: nowhere };\x1b[0m');
    expect(stripVTControlCharacters(broken.colouredText)).toBe(broken.text);
  });

  test('--watch sees a table of machines saved, and says when and which', async () => {
    const at = configured(good.replace(/hosts\(.*\)/, "hosts({ file: './rack.csv' })"));
    at.put('rack.csv', 'mac,folder\n52:54:00:12:34:56,hosts/web1\n');
    await using checking = start([process.execPath, cli, 'check', '--watch'], { cwd: at.path });
    await checking.until((told) => /is fine/.test(told), 'first verdict');
    expect(checking.stdout).toMatch(/^pxe\.config\.ts is fine/);
    // The other way round: what is fine is told on standard output, errors are not.
    at.put('rack.csv', 'name,mac,folder\nweb1,52:54:00:12:34:56,hosts/web1\n');
    await checking.until((told) => /\n\n\d\d:\d\d:\d\d rack\.csv\npxe\.config\.ts is fine/.test(told), 'second verdict');
    at.put('rack.csv', 'mac,folder\n52:54:00:12:34:56,hosts/wbe1\n');
    await checking.until(() => /\n\d\d:\d\d:\d\d rack\.csv\npxe: .*1 error/.test(checking.stderr), 'third verdict');
  });

  test('--watch checks again on every save, until SIGINT', async () => {
    const at = configured(good);
    await using checking = start([process.execPath, cli, 'check', '--watch', '--json'], { cwd: at.path });
    const lines = () => checking.stdout.split('\n').filter(Boolean);
    await checking.until(() => lines().length === 1, 'first verdict');
    // Saved until it is noticed: what matters here is the verdict, the watcher has tests of its own.
    const save = async (text: string, told: string) => {
      let saves = 0;
      const again = () => writeFileSync(at.file, `${text}// ${saves++}\n`);
      again();
      const saving = setInterval(again, 1000);
      await checking.until(() => lines().at(-1)?.includes(told), told).finally(() => clearInterval(saving));
    };
    await save('export default { rotDir: 5 };\n', 'rotDir: unknown key');
    await save(good, '"ok":true');
    checking.kill('SIGINT');
    const { code, signal } = await checking.ended;
    expect(code === 0 || signal === 'SIGINT').toBe(true);
  });
});

test('findings of a config in package.json name its key', async () => {
  const at = folder();
  at.put('package.json', JSON.stringify({ name: 'lab', pxe: { rootDir: 'gone' } }));
  const { stdout, stderr } = await pxe(['check'], { cwd: at.path });
  expect(stdout + stderr).toContain('error    pxe.rootDir: ');
  const { stdout: json } = await pxe(['check', '--json'], { cwd: at.path });
  expect(JSON.parse(json).findings).toMatchObject([{ path: 'pxe.rootDir' }]);
});
