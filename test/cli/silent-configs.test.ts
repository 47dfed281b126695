/**
 * Configs that do not do what they say: `pxe check` finds each, and says so with the place and a way out. Each row also has a neighbour
 * that is right, of which nothing is found. (That nothing is found in the examples, `examples.test.ts` tells.)
 */

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { judge } from '../../src/cli/check.ts';
import { tellRoute } from '../../src/cli/explain-tree.ts';
import { withGeneration } from '../../src/server/create.ts';
import { explain } from '../../src/server/explain.ts';
import { folderOf } from '../config/support.ts';
import { load } from '../kit/config.ts';

interface Silent {
  /** The plugins, as they stand in the config. */
  readonly plugins: string;
  /** More imports of the config. */
  readonly imports?: string;
  /** Other keys of the config. */
  readonly keys?: string;
  /** Beside the config; those under `root/` are under the root. */
  readonly files?: Readonly<Record<string, string>>;
  /** What is told: a part of the text. */
  readonly told: readonly string[];
  /** The same config, put right. */
  readonly right: { readonly plugins?: string; readonly keys?: string; readonly files?: Readonly<Record<string, string>> };
}

const known = "identify({ table: { '192.168.7.50': '52:54:00:12:34:56' } })";
const root = { 'root/boot.efi': 'x', 'root/web/boot.ipxe': 'x', 'root/hosts/web1/f': 'x' };
const mac = "'52:54:00:12:34:56'";

const table: Readonly<Record<string, Silent>> = {
  'entries by MAC address, and no identify': {
    plugins: `hosts({ ${mac}: { folder: 'web' }, '52:54:00:*': { folder: 'web' }, default: {} })`,
    told: [
      'warning  plugins[0].options["52:54:00:12:34:56"]: can never match, nor can 1 more like it: nothing here provides a client\'s MAC address; add a source to identify()',
    ],
    right: { plugins: `${known}, hosts({ ${mac}: { folder: 'web' }, '52:54:00:*': { folder: 'web' }, default: {} })` },
  },
  'no source of identify is on': {
    plugins: `identify({ neighbours: false, leases: [] }), hosts({ ${mac}: { folder: 'web' } })`,
    told: ["can never match: nothing here provides a client's MAC address"],
    right: { plugins: `identify({ neighbours: true }), hosts({ ${mac}: { folder: 'web' } })` },
  },
  'sources that are not trusted': {
    plugins: `identify({ filename: true }), hosts({ hosts: { ${mac}: { folder: 'web' } }, trust: ['leases', 'table'] })`,
    told: [
      "can never match: nothing here provides a client's MAC address; `trust` excludes the sources that provide it: filename",
    ],
    right: {
      plugins: `identify({ filename: true }), hosts({ hosts: { ${mac}: { folder: 'web' } }, trust: ['leases', 'filename'] })`,
    },
  },
  'a serial number that only a file name tells': {
    plugins: `${known}, hosts({ 'serial:d1f0c2aa': { folder: 'web' } })`,
    told: [
      "can never match: nothing here provides a client's serial number; use the identify() source that provides it, `filename`",
    ],
    right: { plugins: "identify({ filename: true }), hosts({ 'serial:d1f0c2aa': { folder: 'web' } })" },
  },
  'rows by MAC address': {
    plugins: "hosts({ file: './rack.csv' })",
    files: { 'rack.csv': 'mac,folder\n52:54:00:12:34:56,web\n' },
    told: ['rack.csv:2: plugins[0].options: can never match'],
    right: { files: { 'rack.csv': 'mac,address,folder\n52:54:00:12:34:56,192.168.7.50,web\n' } },
  },
  'one machine in two spellings': {
    plugins: `${known}, hosts({ ${mac}: {}, '525400-123456': {} })`,
    told: ['error    plugins[1].options["525400-123456"]: is listed twice: ["52:54:00:12:34:56"] comes first'],
    right: { plugins: `${known}, hosts({ ${mac}: {}, '525400-123457': {} })` },
  },
  'one machine twice in a table': {
    plugins: `${known}, hosts({ file: './rack.csv' })`,
    files: { 'rack.csv': 'mac,name\n52:54:00:12:34:56,web1\n5254.0012.3456|52:54:00:12:34:57,web2\n' },
    told: ['rack.csv:3: plugins[1].options: 5254.0012.3456 is listed twice: ', 'rack.csv:2 comes first'],
    right: { files: { 'rack.csv': 'mac,name\n52:54:00:12:34:56,web1\n5254.0012.3455|52:54:00:12:34:57,web2\n' } },
  },
  'one machine in the config and in a table': {
    plugins: `${known}, hosts({ hosts: { '192.168.7.50': {} }, file: './rack.csv' })`,
    files: { 'rack.csv': 'ip,name\n192.168.7.50/24,web1\n' },
    told: ['rack.csv:2: plugins[1].options: is listed twice: hosts["192.168.7.50"] comes first'],
    right: { files: { 'rack.csv': 'ip,name\n192.168.7.51/24,web1\n' } },
  },
  'one machine in two documents': {
    plugins: `${known}, hosts({ file: './rack.yaml' })`,
    files: { 'rack.yaml': '52:54:00:12:34:56: {}\n---\n52-54-00-12-34-56: {}\n' },
    told: ['rack.yaml:3: ', 'is listed twice'],
    right: { files: { 'rack.yaml': '52:54:00:12:34:56: {}\n---\n52-54-00-12-34-57: {}\n' } },
  },
  'two machines of one name': {
    plugins: `${known}, hosts({ ${mac}: { name: 'web1' }, '52:54:00:12:34:57': { name: 'web1' } })`,
    told: ['warning  plugins[1].options["52:54:00:12:34:57"]: has the same name as ["52:54:00:12:34:56"], "web1"'],
    // Networks of one kind may share a name.
    right: {
      plugins: `${known}, hosts({ ${mac}: { name: 'web1' }, '10.0.0.0/8': { name: 'lab' }, '11.0.0.0/8': { name: 'lab' } })`,
    },
  },
  'a folder that does not exist': {
    plugins: `${known}, hosts({ ${mac}: { folder: 'hosts/wbe1' } })`,
    told: [
      'error    plugins[1].options["52:54:00:12:34:56"].folder: there is no folder "hosts/wbe1" under the root; did you mean "hosts/web1"?',
    ],
    right: { plugins: `${known}, hosts({ ${mac}: { folder: 'hosts/web1' } })` },
  },
  "a group's folder that is not there": {
    plugins: `${known}, hosts({ hosts: { ${mac}: { groups: ['g'] } }, groups: { g: { folder: 'wed' } } })`,
    told: ['error    plugins[1].options.groups.g.folder: there is no folder "wed" under the root; did you mean "web"?'],
    right: { plugins: `${known}, hosts({ hosts: { ${mac}: { groups: ['g'] } }, groups: { g: { folder: 'web/' } } })` },
  },
  'folders by MAC address in a folder that does not exist': {
    plugins: `${known}, hosts({ default: { folder: 'by-mac/{mac}' } })`,
    told: ['error    plugins[1].options.default.folder: there is no folder "by-mac" under the root'],
    // Not every machine needs a folder of its own.
    right: {
      plugins: `${known}, hosts({ default: { folder: 'hosts/{mac}' }, '52:54:00:12:34:56': { folder: '{mac-dashes}' } })`,
    },
  },
  'a target that does not exist': {
    plugins: `${known}, hosts({ ${mac}: { files: { x: 'boot.ipxe' } } })`,
    told: ['files.x: there is no file "boot.ipxe" under the root; did you mean "web/boot.ipxe"?'],
    right: { plugins: `${known}, hosts({ ${mac}: { files: { x: 'web/boot.ipxe' } } })` },
  },
  'a target that is there and cannot be served': {
    plugins: `${known}, hosts({ ${mac}: { files: { x: 'web' } } })`,
    told: [
      'files.x: "web" exists but cannot be served: the server has no permission to read it, it is a folder, or it is a link that leads out of the root',
    ],
    right: { plugins: `${known}, hosts({ ${mac}: { files: { x: 'web/boot.ipxe' } } })` },
  },
  'a table that is not there, and what else is wrong': {
    plugins: `${known}, hosts({ hosts: { ${mac}: { files: { x: 'boto.efi' } } }, file: ['./rack.csv', './more.csv'] })`,
    files: { 'more.csv': 'ip,folder\n192.168.7.51,wed\n' },
    told: [
      'error    plugins[1].options.file[0]: ',
      'rack.csv does not exist; is the path right? it is relative to the config',
      'there is no file "boto.efi" under the root; did you mean "boot.efi"?',
      'more.csv:2: plugins[1].options.folder: there is no folder "wed"',
    ],
    right: {
      plugins: `${known}, hosts({ hosts: { ${mac}: { files: { x: 'boot.efi' } } }, file: './more.csv' })`,
      files: { 'more.csv': 'ip,folder\n192.168.7.51,web\n' },
    },
  },
  'two plugins that cannot be set up': {
    plugins: `${known}, hosts({ file: './a.csv' }), generate({ x: { template: './t.liquid' } }), hosts({ default: { folder: 'wed' } })`,
    told: ['plugins[1].options.file: ', 'a.csv does not exist', 'plugins[2]: ', 'there is no folder "wed"'],
    right: {
      plugins: `${known}, hosts({ file: './a.csv' }), generate({ x: { template: './t.liquid' } }), hosts({ default: { folder: 'web' } })`,
      files: { 'a.csv': 'ip\n192.168.7.51\n', 't.liquid': 'x' },
    },
  },
  'a variable that YAML makes another number of': {
    plugins: `${known}, hosts({ file: './rack.yaml' })`,
    files: { 'rack.yaml': 'default:\n  variables: { version: 1.10 }\n' },
    told: [
      'warning  ',
      'rack.yaml:2: ',
      'variable "version": 1.10 is read as 1.1 here; put it in quotes to keep it as written: "1.10"',
    ],
    right: { files: { 'rack.yaml': 'default:\n  variables: { version: "1.10" }\n' } },
  },
  'a header of `columns` that no table has': {
    plugins: `${known}, hosts({ file: './rack.csv', columns: { 'NIC 2': 'mac' } })`,
    files: { 'rack.csv': 'mac,NIC 1\n52:54:00:12:34:56,52:54:00:12:34:57\n' },
    told: ['warning  plugins[1].options.columns["NIC 2"]: no table here has such a column; did you mean "NIC 1"?'],
    right: { plugins: `${known}, hosts({ file: './rack.csv', columns: { 'nic 1': 'mac' } })` },
  },
  'one key twice in the config': {
    plugins: `${known}, hosts({ ${mac}: { folder: 'web' }, ${mac}: { folder: 'hosts/web1' } })`,
    told: [
      'error    LAB/pxe.config.ts:2: "52:54:00:12:34:56" appears twice in one object: its value on line 2 is ignored; keep one',
    ],
    right: { plugins: `${known}, hosts({ ${mac}: { folder: 'web' }, '52:54:00:12:34:57': { folder: 'hosts/web1' } })` },
  },
  'one key twice in a file that the config imports': {
    plugins: `${known}, hosts(rack)`,
    imports: "import { rack } from './rack.ts';",
    files: { 'rack.ts': `export const rack = {\n  ${mac}: { folder: 'web' as string },\n  ${mac}: {},\n};\n` },
    told: ['error    LAB/rack.ts:3: "52:54:00:12:34:56" appears twice in one object: its value on line 2 is ignored; keep one'],
    // What is spread into an object may be written over.
    right: {
      files: {
        'rack.ts': `const all = { ${mac}: {} };\nexport const rack = { ${mac}: {}, ...all, ${mac}: { folder: 'web' as string } };\n`,
      },
    },
  },
  'a plugin twice': {
    plugins: `${known}, accessLog(), accessLog()`,
    told: ['warning  plugins[2]: is the same as plugins[1] ("access-log", with the same options): keep one'],
    right: { plugins: `${known}, hosts({ default: { folder: 'web' } }), hosts({ default: { folder: 'hosts/web1' } })` },
  },
  'a log twice': {
    plugins: `${known}, accessLog(), accessLog({ boots: false })`,
    told: ['warning  plugins[2]: logs each transfer a second time, like plugins[1] ("access-log"): keep one'],
    right: { plugins: `${known}, accessLog({ boots: false })` },
  },
  'a hook that does not exist': {
    plugins: "pxe.definePlugin({ name: 'mine', setup: () => ({ opne: () => 'boot.efi' }) })()",
    told: ['plugin "mine", setup: returned an unknown hook "opne"; did you mean "open"?'],
    right: { plugins: "pxe.definePlugin({ name: 'mine', setup: () => ({ open: () => 'boot.efi' }) })()" },
  },
  'a key that a plugin does not have': {
    plugins: 'mine()',
    imports: "import { mine } from './mine.js';",
    files: {
      'mine.js': "import { definePlugin } from 'pxe';\nexport const mine = definePlugin({ name: 'mine', setpu: () => ({}) });\n",
    },
    told: ['LAB/mine.js:2', 'plugin "mine": unknown key "setpu"; did you mean "setup"?'],
    right: {
      files: {
        'mine.js':
          "import { definePlugin } from 'pxe';\nexport const mine = definePlugin({ name: 'mine', setup: () => ({}) });\n",
      },
    },
  },
  'ports for transfers, and one port for all': {
    plugins: '',
    keys: 'tftp: { singlePort: true, transferPorts: { from: 5000, to: 5100 } },',
    told: ['warning  tftp.transferPorts: has no effect: with singlePort, transfers go through the listening port'],
    right: { keys: 'tftp: { transferPorts: { from: 5000, to: 5100 } },' },
  },
  'marked packets by a transport that cannot': {
    plugins: '',
    keys: "tftp: { transport: 'portable', dscp: 'ef' },",
    told: ['warning  tftp.dscp: has no effect: the portable transport cannot mark packets'],
    right: { keys: "tftp: { transport: 'portable' }," },
  },
  'a log of transfers that the level leaves out': {
    plugins: `${known}, accessLog()`,
    keys: "log: { level: 'error' },",
    told: ['warning  plugins[1]: writes lines of level info, which log.level "error" suppresses'],
    right: { keys: "log: { level: 'debug' }," },
  },
  'a limit for a client above that for all': {
    plugins: '',
    keys: 'tftp: { limits: { transfers: 100 } },',
    told: ['warning  tftp.limits.transfersPerClient: is never reached: tftp.limits.transfers is 100 for all clients together'],
    right: { keys: 'tftp: { limits: { transfers: 100, transfersPerClient: 50 } },' },
  },
  'a cache that is smaller than a piece of a file': {
    plugins: '',
    keys: 'cacheBytes: 1000,',
    told: ['warning  cacheBytes: caches nothing: files are cached in segments of 65536 bytes'],
    right: { keys: 'cacheBytes: 0,' },
  },
  'a user that does not exist': {
    plugins: '',
    keys: "user: 'pxe-nobody',",
    told: ['error    user: there is no user "pxe-nobody" on this machine'],
    right: { keys: "user: 'nobody'," },
  },
  'an expression that a name can keep busy': {
    plugins: "rewrite([{ match: /^(a+)+$/, replace: '' }])",
    told: ['warning  plugins[0].options[0].match: (a+)+ can match one name in too many ways, as in "aaaaaaaaaaaaaaaaaaaa…a!"'],
    right: { plugins: "rewrite([{ match: /^a+$/, replace: '' }])" },
  },
  'an expression as text, without its slashes, that is invalid': {
    plugins: "rewrite([{ match: '^boot(/', replace: '' }])",
    told: ['write a regular expression between slashes: "/^boot\\\\(\\\\//"'],
    right: { plugins: "rewrite([{ match: '/^boot\\\\(\\\\//', replace: '' }])" },
  },
};

async function checked(silent: Pick<Silent, 'plugins' | 'imports' | 'keys' | 'files'>) {
  const dir = folderOf({
    ...root,
    ...silent.files,
    'pxe.config.ts': `import * as pxe from 'pxe'; import { accessLog, generate, hosts, identify, normalize, rewrite } from 'pxe/plugins'; ${silent.imports ?? ''}
export default { rootDir: './root', ${silent.keys ?? ''} plugins: [${silent.plugins}] };\n`,
  });
  const { exitCode, text } = await judge({ config: join(dir, 'pxe.config.ts') });
  return { exitCode, text: text.replaceAll(dir, 'LAB') };
}

describe.each(Object.entries(table))('%s', (_, { right, ...silent }) => {
  test('is told', async () => {
    const { text, exitCode } = await checked(silent);
    for (const told of silent.told) expect(text).toContain(told);
    expect(text).not.toMatch(/ is fine\. |:1: plugins: /);
    expect(exitCode).toBe(/ {2}error {2}/.test(text) ? 1 : / {2}warning {2}/.test(text) ? 0 : 2);
  });

  test('put right, nothing is', async () => {
    const { text, exitCode } = await checked({ ...silent, ...right, files: { ...silent.files, ...right.files } });
    expect(text).toMatch(/ is fine\. /);
    expect(exitCode).toBe(0);
  });
});

describe('explain of a MAC address that is given', () => {
  const doubt = '52:54:00:12:34:56 (given; this config could not learn it), host web1';
  const remark = 'which this config could not learn about a real client';
  test.each<[string, string, readonly string[], readonly string[]]>([
    ['no identify', `hosts({ ${mac}: { name: 'web1' } })`, [doubt, `→ web1, ${remark}`], []],
    [
      'no source that is trusted',
      `identify({ filename: true }), hosts({ hosts: { ${mac}: { name: 'web1' } }, trust: ['table'] })`,
      ['(given), host web1', `→ web1, ${remark}`],
      [doubt],
    ],
    ['a source', `${known}, hosts({ ${mac}: { name: 'web1' } })`, ['(given), host web1'], [doubt, remark]],
    [
      'a plugin that may know anything',
      `{ use: './mine.js' }, hosts({ ${mac}: { name: 'web1' } })`,
      ['(given), host web1'],
      [doubt, remark],
    ],
  ])('%s', async (_, plugins, told, untold) => {
    const dir = folderOf({
      ...root,
      'mine.js':
        "import { definePlugin } from 'pxe'; export default definePlugin({ name: 'mine', setup: () => ({ identify() {} }) });",
      'pxe.config.ts': `import mine from './mine.js'; import { hosts, identify } from 'pxe/plugins';
export default { rootDir: './root', plugins: [${plugins.replace("{ use: './mine.js' }", 'mine()')}] };\n`,
    });
    const { config } = await load({ file: join(dir, 'pxe.config.ts'), folder: dir, clock: systemClock });
    const question = { name: 'f', address: '0.0.0.0', mac: '52:54:00:12:34:56' };
    const text = tellRoute(await withGeneration(config, (generation) => explain(generation, question)), dir);
    for (const part of told) expect(text).toContain(part);
    for (const part of untold) expect(text).not.toContain(part);
  });
});
