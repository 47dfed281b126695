/** `pxe check` and `pxe explain` as a user has them. What they compute is tested elsewhere: here is how they tell it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder } from '../support/lab.ts';
import { cli, pxe, start } from '../support/pxe.ts';

const good = `import { defineConfig } from 'pxe';
import { hosts, identify, rewrite } from 'pxe/plugins';
export default defineConfig({
  rootDir: './ROOT',
  listen: [{ address: '127.0.0.1', port: 0 }],
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
  return { ...at, file };
}

describe('check', () => {
  test('of a good config: 0, where it is, what it serves, its plugins', async () => {
    const at = configured(good);
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
    expect(JSON.parse(json.stdout)).toEqual({ ok: true, file: at.file, findings: [] });
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
  listen: [{ address: '127.0.0.1' }, { interface: 'lab7' }],
};`,
    );
    const [plain, json] = await Promise.all([pxe(['check'], { cwd: at.path }), pxe(['check', '--json'], { cwd: at.path })]);
    expect(plain.code).toBe(1);
    expect(plain.stdout).toBe('');
    expect(plain.stderr).toMatch(/^pxe: .*pxe\.config\.ts: 4 problems\n/);
    for (const told of [
      `rootDir: there is no folder ${join(at.path, 'nowhere')}`,
      `uploads.dir: there is no folder ${join(at.path, 'nowhere/up')}`,
      'listen[1].interface: no interface "lab7" has an address now',
      'plugins: plugin "bad", setup: no licence',
    ]) {
      expect(plain.stderr).toContain(told);
    }
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, findings: Array(4).fill({ path: expect.any(String) }) });
  });

  test('of a config that cannot be used: 2', async () => {
    const at = configured('export default { rotDir: 5 };');
    const [plain, json] = await Promise.all([pxe(['check'], { cwd: at.path }), pxe(['check', '--json'], { cwd: at.path })]);
    expect(plain).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/rotDir: unknown key/) });
    expect(json).toMatchObject({ code: 2 });
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, error: expect.stringContaining('rotDir: unknown key') });
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

describe('explain', () => {
  test('tells hook by hook what a machine gets: 0; or which ERROR: 1', async () => {
    const at = configured(good);
    const ask = (...args: string[]) => pxe(['explain', ...args], { cwd: at.path });
    const [byAddress, byMac, nobody, json, elsewhere] = await Promise.all([
      ask('/boot//loader.efi', '--ip', '192.168.7.20', '-o', 'tsize=0', '--option', 'blksize=1468', '--option', 'bogus=1'),
      ask('loader.efi', '--mac', '5254.0012.3456'),
      ask('boot/x\x1b[2J'),
      ask('loader.efi', '-m', '525400123456', '--json', '--mode', 'netascii'),
      ask('snponly.efi', '--root-dir', 'ROOT/ipxe'),
    ]);
    expect(byAddress).toMatchObject({ code: 0, stderr: '' });
    expect(byAddress.stdout.replace(/\(\d+\.\d ms\)/g, '(ms)')).toBe(
      [
        'asked   /boot//loader.efi',
        'client  192.168.7.20, 52:54:00:12:34:56 (table)',
        '  identify identify: 192.168.7.20 → 52:54:00:12:34:56 (table)  (ms)',
        '  rewrite rewrite: boot/loader.efi → loader.efi  (ms)',
        '  hosts open: loader.efi → ipxe/snponly.efi (2048 bytes)  (ms)',
        '    looked for ipxe/snponly.efi: found',
        'name    loader.efi',
        'answer  ipxe/snponly.efi, 2.0 KiB',
        'options tsize=2048 blksize=1468',
        '',
      ].join('\n'),
    );
    expect(byMac).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/52:54:00:12:34:56 \(given\)[\s\S]*answer {2}ipxe\/snponly\.efi/),
    });
    expect(nobody.code).toBe(1);
    expect(nobody.stdout).toContain('MAC address not known');
    expect(nobody.stdout).toContain('asked   boot/x\\x1b[2J\n');
    expect(nobody.stdout).toContain('answer  ERROR 1: file not found');
    expect(JSON.parse(json.stdout)).toMatchObject({
      asked: 'loader.efi',
      client: { mac: '52:54:00:12:34:56', macSource: 'given' },
      served: { from: 'ipxe/snponly.efi', size: 2048 },
    });
    expect(elsewhere).toMatchObject({ code: 0, stdout: expect.stringContaining('answer  snponly.efi, 2.0 KiB') });
  });

  test('needs no config with --root-dir; a config that cannot be used is 2, a plugin that cannot be set up 1', async () => {
    const at = configured('export default { rotDir: 5 };');
    const bare = folder();
    bare.put('ROOT/x', 'hello');
    const failing = configured(
      "import { definePlugin } from 'pxe';\nexport default { plugins: [definePlugin({ name: 'bad', setup() { throw new Error('no licence'); } })()] };",
    );
    const [without, unusable, plugin] = await Promise.all([
      pxe(['explain', 'x', '--root-dir', 'ROOT'], { cwd: bare.path }),
      pxe(['explain', 'x'], { cwd: at.path }),
      pxe(['explain', 'x'], { cwd: failing.path }),
    ]);
    expect(without).toMatchObject({ code: 0, stdout: expect.stringContaining('answer  x, 5 B\noptions none\n') });
    expect(unusable).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('rotDir: unknown key') });
    expect(plugin).toMatchObject({ code: 1, stdout: '', stderr: 'pxe: plugin "bad", setup: no licence\n' });
  });
});
