/** `pxe check` as a user has it. What they compute is tested elsewhere: here is how they tell it. */
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
