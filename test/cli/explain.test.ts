/** `pxe explain` as a user has it. What it computes is tested elsewhere: here is how it is told. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isColoured } from '../../src/cli/painting.ts';
import { drawTable } from '../../src/cli/table.ts';
import { drawTree } from '../../src/cli/tree.ts';
import { folder } from '../kit/lab.ts';
import { pxe } from '../kit/pxe.ts';

const good = `import { defineConfig } from 'pxe';
import { hosts, identify, rewrite } from 'pxe/plugins';
export default defineConfig({
  rootDir: './ROOT',
  tftp: { listen: [{ address: '127.0.0.1', port: 0 }] },
  plugins: [
    identify({ table: { '192.168.7.20': '52:54:00:12:34:56' } }),
    rewrite([{ match: /^boot\\//i, replace: '' }]),
    hosts({ '52:54:00:12:34:56': { name: 'web1', files: { 'loader.efi': 'ipxe/snponly.efi' }, folder: 'hosts/web1' } }),
  ],
});
`;

function configured(text: string) {
  const at = folder();
  const file = at.put('pxe.config.ts', text);
  at.put('ROOT/ipxe/snponly.efi', 'x'.repeat(2048));
  return { ...at, file };
}

describe('one name', () => {
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
        '/boot//loader.efi',
        '├─ client   192.168.7.20, 52:54:00:12:34:56 (table), host web1',
        '│  ├─ identify: 192.168.7.20 → 52:54:00:12:34:56 (table)  (ms)',
        '│  └─ hosts: 52:54:00:12:34:56 → web1  (ms)',
        '├─ name     loader.efi',
        '│  └─ rewrite: boot/loader.efi → loader.efi, rule 1  (ms)',
        '├─ file',
        '│  └─ hosts: loader.efi → ipxe/snponly.efi (2048 bytes)  (ms)',
        '│     └─ ipxe/snponly.efi: found',
        '├─ options  tsize=2048 blksize=1468',
        '└─ answer   ipxe/snponly.efi, 2.0 KiB',
        '',
      ].join('\n'),
    );
    expect(byMac).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/52:54:00:12:34:56 \(given\)[\s\S]*answer {3}ipxe\/snponly\.efi/),
    });
    expect(nobody.code).toBe(1);
    expect(nobody.stdout).toContain('MAC address unknown');
    expect(nobody.stdout).toContain('boot/x\\x1b[2J\n');
    expect(nobody.stdout).toContain('└─ answer   ERROR 1: file not found');
    expect(JSON.parse(json.stdout)).toMatchObject({
      asked: 'loader.efi',
      client: { mac: '52:54:00:12:34:56', macSource: 'given' },
      served: { from: 'ipxe/snponly.efi', size: 2048 },
    });
    expect(elsewhere).toMatchObject({ code: 0, stdout: expect.stringContaining('answer   snponly.efi, 2.0 KiB') });
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
    expect(without).toMatchObject({ code: 0, stdout: expect.stringContaining('options  none\n└─ answer   x, 5 B\n') });
    expect(unusable).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('rotDir: unknown key') });
    expect(plugin).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `pxe: ${join(failing.path, 'pxe.config.ts')}:2:72: plugin "bad", setup: no licence\n`,
    });
  });
});

/** A plugin that lists machines as `hosts` does, in three lines. */
const listing = (machines: object[], variant = '') => `import { defineConfig, definePlugin } from 'pxe';
import { hosts, identify } from 'pxe/plugins';
const list = definePlugin({
  name: 'list',
  setup: () => ({
    machines: () => (${JSON.stringify(machines)}),
    host: ({ client }) => (client.mac ? { name: 'web1', groups: ['rack', 'lab'], variables: {} } : undefined),
    open: ({ name, client }) => (name === 'made' ? Buffer.from('for ' + (client.uuid ?? client.serial ?? client.mac) + '${variant}') : undefined),
  }),
});
export default defineConfig({
  rootDir: 'ROOT',
  plugins: [
    identify({ table: { '127.0.0.9': '52-54-00-00-00-09' } }),
    list(),
    hosts({ '52:54:00:12:34:*': { files: { 'loader.efi': '${variant === '' ? 'one' : 'other'}.efi' } } }),
  ],
});
`;

const machines = [
  { name: 'web1', mac: '52-54-00-12-34-56', names: ['loader.efi', 'made'] },
  { name: 'nine', address: '127.0.0.9', names: ['made'] },
  { name: 'smbios', uuid: 'B1C65F1A-2B5D-4F0E-9C55-0123456789AB', names: ['made'] },
  { name: 'pi', serial: 'ABCDEF01', names: ['made', 'nowhere'] },
  { name: 'quiet', mac: '52:54:00:00:00:01', names: [] },
];

function rack() {
  const at = folder();
  at.put('pxe.config.ts', listing(machines));
  at.put('ROOT/one.efi', 'one');
  at.put('ROOT/other.efi', 'two');
  at.put('ROOT/loader.efi', 'for all');
  return at;
}

describe('all hosts', () => {
  test('a row for each machine and name, by what is known of it', async () => {
    const at = rack();
    const [table, named, json] = await Promise.all([
      pxe(['explain', '--all-hosts'], { cwd: at.path }),
      pxe(['explain', '-a', 'loader.efi'], { cwd: at.path }),
      pxe(['explain', '-a', '--json', '-o', 'tsize=0'], { cwd: at.path }),
    ]);
    expect(table.stdout.split('\n')).toEqual([
      'MACHINE\tKNOWN BY\tASKS FOR\tGETS\tSIZE',
      'web1\t52:54:00:12:34:56\tloader.efi\tone.efi\t3 B',
      'web1\t52:54:00:12:34:56\tmade\tplugin:list\t21 B',
      'nine\t127.0.0.9\tmade\tplugin:list\t21 B',
      'smbios\tb1c65f1a-2b5d-4f0e-9c55-0123456789ab\tmade\tplugin:list\t40 B',
      'pi\tabcdef01\tmade\tplugin:list\t12 B',
      'pi\tabcdef01\tnowhere\tERROR 1: file not found\t-',
      '',
    ]);
    expect(table.stderr).toBe('pxe: the config names no file for 1 of 5 machines: give names after --all-hosts\n');
    // Somebody gets an ERROR.
    expect(table.code).toBe(1);
    expect(named.stdout).toContain('quiet\t52:54:00:00:00:01\tloader.efi\tloader.efi\t7 B\n');
    expect(named.stderr).toBe('');
    const rows = JSON.parse(json.stdout) as { machine: { name: string }; asked: string; client: object; agreed: unknown }[];
    expect(rows).toHaveLength(6);
    expect(rows[2]).toMatchObject({
      machine: { name: 'nine', address: '127.0.0.9' },
      asked: 'made',
      client: { mac: '52:54:00:00:00:09', macSource: 'table', host: { name: 'web1', groups: ['rack', 'lab'] } },
      agreed: [{ name: 'tsize', value: '21' }],
    });
    expect(rows[3]).toMatchObject({ client: { uuid: 'b1c65f1a-2b5d-4f0e-9c55-0123456789ab', uuidSource: 'given' } });
  });

  test('a plugin that cannot list them is 1 and named; nobody listed is told', async () => {
    const at = folder();
    at.put('none.config.ts', listing([]));
    at.put('bad.config.ts', listing([{ name: 'web1', mac: '52:54' }]));
    const [none, bad] = await Promise.all([
      pxe(['explain', '-a', '-c', 'none.config.ts', 'x'], { cwd: at.path }),
      pxe(['explain', '-a', '-c', 'bad.config.ts', 'x'], { cwd: at.path }),
    ]);
    expect(none).toMatchObject({ code: 0, stderr: 'pxe: the config lists no machines\n' });
    expect(bad).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'pxe: plugin "list", machines: machine "web1" has an invalid MAC address: "52:54"\n',
    });
  });
});

describe('--diff', () => {
  test('only what would change: 1; nothing: 0; trouble: 2', async () => {
    const at = rack();
    const replaced = machines.map((machine) => (machine.name === 'nine' ? { ...machine, address: '127.0.0.10' } : machine));
    at.put('next.config.ts', listing(replaced, '!'));
    at.put('broken.config.ts', 'export default { rotDir: 5 };');
    at.put('failing.config.ts', listing([{}]));
    const diff = (...args: string[]) => pxe(['explain', ...args], { cwd: at.path });
    const [changed, same, one, json, unusable, failing] = await Promise.all([
      diff('-a', '--diff', 'next.config.ts'),
      diff('-a', '--diff', 'pxe.config.ts'),
      diff('loader.efi', '--mac', '52:54:00:12:34:56', '--diff', 'next.config.ts'),
      diff('-a', '--diff', 'next.config.ts', '--json'),
      diff('-a', '--diff', 'broken.config.ts'),
      diff('-a', '--diff', 'failing.config.ts'),
    ]);
    expect(changed.stdout.split('\n')).toEqual([
      'MACHINE\tKNOWN BY\tASKS FOR\tGETS\tWOULD GET',
      'web1\t52:54:00:12:34:56\tloader.efi\tone.efi, 3 B\tother.efi, 3 B',
      'web1\t52:54:00:12:34:56\tmade\tplugin:list, 21 B\tplugin:list, 22 B',
      'nine\t127.0.0.9\tmade\tplugin:list, 21 B\tplugin:list, 22 B',
      'smbios\tb1c65f1a-2b5d-4f0e-9c55-0123456789ab\tmade\tplugin:list, 40 B\tplugin:list, 41 B',
      'pi\tabcdef01\tmade\tplugin:list, 12 B\tplugin:list, 13 B',
      'nine\t127.0.0.10\tmade\tplugin:list, 13 B\tplugin:list, 14 B',
      '',
    ]);
    expect(changed).toMatchObject({ code: 1, stderr: '' });
    expect(same).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(one.code).toBe(1);
    expect(one.stdout).toContain('52:54:00:12:34:56\t-\tloader.efi\tone.efi, 3 B\tother.efi, 3 B\n');
    expect(JSON.parse(json.stdout)).toHaveLength(6);
    expect(JSON.parse(json.stdout)[0]).toMatchObject({
      machine: { name: 'web1' },
      before: { served: { from: 'one.efi' } },
      after: { served: { from: 'other.efi' } },
    });
    expect(unusable).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('rotDir: unknown key') });
    expect(failing).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('listed a machine without a name') });
  });

  test('sees other bytes of one name and size, and other options', async () => {
    const at = rack();
    at.put('OTHER/loader.efi', 'for ALL');
    at.put('pxe.config.ts', "export default { rootDir: 'ROOT' };");
    at.put('bytes.config.ts', "export default { rootDir: 'OTHER' };");
    at.put('options.config.ts', "export default { rootDir: 'ROOT', tftp: { limits: { blockSize: 1024 } } };");
    const ask = (other: string) => pxe(['explain', 'loader.efi', '-o', 'blksize=1468', '--diff', other], { cwd: at.path });
    const [bytes, options] = await Promise.all([ask('bytes.config.ts'), ask('options.config.ts')]);
    expect(bytes.stdout).toContain('anybody\t-\tloader.efi\tloader.efi, 7 B\tloader.efi, 7 B, different content\n');
    expect(options.stdout).toContain('loader.efi, 7 B, options blksize=1024\n');
    expect([bytes.code, options.code]).toEqual([1, 1]);
  });
});

test('on a terminal an answer, an ERROR and what is not there stand out', () => {
  const branches = [
    {
      text: [
        { text: 'answer   ', colour: 'cyan' as const },
        { text: 'ERROR 1 ', colour: 'red' as const },
      ],
    },
  ];
  expect(drawTree({ text: 'x ', branches }, true)).toBe('x \n\x1b[2m└─ \x1b[0m\x1b[36manswer   \x1b[0m\x1b[31mERROR 1 \x1b[0m\n');
  expect(drawTree({ text: 'x ', branches })).toBe('x \n└─ answer   ERROR 1 \n');
  const rows = [
    ['NAME', 'GETS'],
    ['a', { text: 'ERROR', colour: 'red' as const }],
  ];
  expect(drawTable(rows, { aligned: true, coloured: true })).toBe(
    '\x1b[1mNAME\x1b[0m  \x1b[1mGETS\x1b[0m\na     \x1b[31mERROR\x1b[0m\n',
  );
  expect(drawTable(rows, { aligned: true })).toBe('NAME  GETS\na     ERROR\n');
  expect(drawTable(rows, { aligned: false })).toBe('NAME\tGETS\na\tERROR\n');
});

test.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { NO_COLOR: '' }, true],
  [{ isTTY: true }, { NO_COLOR: '1' }, false],
  [{ isTTY: true }, { TERM: 'dumb' }, false],
  [{}, {}, false],
])('colour for %j in %j: %j', (stream, env, coloured) => {
  expect(isColoured(stream, env)).toBe(coloured);
});

test('a tree and a table let no control byte through', () => {
  const branches = [{ text: 'a\x1b[2J', branches: [{ text: 'b\nc' }] }, { text: 'd' }];
  expect(drawTree({ text: 'x\r', branches })).toBe('x\\x0d\n├─ a\\x1b[2J\n│  └─ b\\x0ac\n└─ d\n');
  const rows = [
    ['NAME', 'SIZE'],
    ['a\tb', '1'],
    ['c', ''],
  ];
  expect(drawTable(rows, { aligned: false })).toBe('NAME\tSIZE\na\\x09b\t1\nc\t\n');
  expect(drawTable(rows, { aligned: true })).toBe('NAME    SIZE\na\\x09b  1\nc\n');
});

describe('what machines boot', () => {
  const config = `import { hosts } from 'pxe/plugins';
export default {
  rootDir: 'ROOT',
  dhcp: {},
  plugins: [
    hosts({
      '52:54:00:12:34:56': { name: 'web1', boot: { bios: 'pxelinux.0' } },
      '52:54:00:12:34:57': { name: 'db1', files: { 'a.efi': 'ipxe.efi' } },
      default: { boot: { 'uefi-x64': 'ipxe.efi', ipxe: 'menu.ipxe' } },
    }),
  ],
};
`;
  const lab = () => {
    const at = folder();
    at.put('pxe.config.ts', config);
    at.put('ROOT/ipxe.efi', 'x');
    at.put('ROOT/menu.ipxe', '#!ipxe\nkernel linux\n');
    at.put('ROOT/linux', 'k');
    return at;
  };

  test('the whole boot, by firmware or by architecture; a file that is missing is exit code 1', async () => {
    const at = lab();
    const explain = (...flags: string[]) => pxe(['explain', ...flags], { cwd: at.path });
    const [named, numbered, absent, none, json] = await Promise.all([
      explain('--firmware', 'uefi-x64'),
      explain('--arch', '7', '--mac', '52:54:00:12:34:57'),
      explain('-f', 'bios', '--mac', '52:54:00:12:34:56'),
      explain('-f', 'uefi-arm64'),
      explain('-f', 'uefi-x64', '--json'),
    ]);
    expect(named).toMatchObject({ code: 0, stdout: expect.stringContaining('kernel   linux → linux, 1 B') });
    expect(numbered).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^boot of uefi-x64, architecture 7\n[\s\S]* host db1\n[\s\S]*offer {4}ipxe\.efi/),
    });
    expect(absent).toMatchObject({ code: 1, stdout: expect.stringContaining('loader   pxelinux.0 → ERROR 1: file not found') });
    expect(none).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('offer    none: the firmware goes on to its next boot device'),
    });
    expect(JSON.parse(json.stdout)).toMatchObject({
      kind: 'offer',
      offer: { offered: 'ipxe.efi', layout: 'direct', plugin: 'hosts' },
      next: [
        {
          kind: 'file',
          role: 'loader',
          next: [{ kind: 'offer', firmware: 'ipxe', next: [{ role: 'script', next: [{ role: 'kernel' }] }] }],
        },
      ],
    });
  });

  test('a column of the table; a machine that asks for no name has a row, too', async () => {
    const at = lab();
    const [all, bios, json] = await Promise.all([
      pxe(['explain', '--all-hosts'], { cwd: at.path }),
      pxe(['explain', '--all-hosts', '--firmware', 'bios'], { cwd: at.path }),
      pxe(['explain', '--all-hosts', '--json'], { cwd: at.path }),
    ]);
    const lines = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t'));
    expect(lines(all.stdout)).toEqual([
      ['MACHINE', 'KNOWN BY', 'ASKS FOR', 'GETS', 'SIZE', 'BOOTS'],
      ['db1', '52:54:00:12:34:57', 'a.efi', 'ipxe.efi', '1 B', 'uefi-x64: ipxe.efi; ipxe: menu.ipxe'],
      ['web1', '52:54:00:12:34:56', '-', '-', '-', 'bios: pxelinux.0; uefi-x64: ipxe.efi; ipxe: menu.ipxe'],
    ]);
    expect(lines(bios.stdout).map((cells) => cells.at(-1))).toEqual(['BOOTS', '-', 'pxelinux.0']);
    expect(JSON.parse(json.stdout)).toMatchObject([{ machine: { name: 'db1' }, offer: 'uefi-x64: ipxe.efi; ipxe: menu.ipxe' }]);
  });

  test('a name is asked for by that firmware', async () => {
    const at = lab();
    at.put('t.ipxe', '{{ client.firmware }} {{ client.arch }}');
    at.put(
      'pxe.config.ts',
      "import { generate } from 'pxe/plugins';\nexport default { rootDir: 'ROOT', plugins: [generate({ made: { template: './t.ipxe' } })] };\n",
    );
    const [known, unknown, wrong] = await Promise.all([
      pxe(['explain', 'made', '--mac', '52:54:00:12:34:56', '--firmware', 'uefi-arm64'], { cwd: at.path }),
      pxe(['explain', 'made', '--mac', '52:54:00:12:34:56'], { cwd: at.path }),
      pxe(['explain', 'made', '--firmware', 'uefi-x46'], { cwd: at.path }),
    ]);
    expect(known).toMatchObject({ code: 0, stdout: expect.stringContaining('plugin:generate, 13 B') });
    expect(unknown).toMatchObject({ code: 1, stdout: expect.stringContaining('no variable "client.firmware"') });
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('Allowed choices are bios, uefi-x64') });
  });
});
