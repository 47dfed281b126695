/**
 * Acceptance 7: what `pxe check` says of wrong configs and data files. Each message names the file, the place in it, and what to do;
 * the snapshot beside this holds them all, to be read as a user would.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judge } from '../../src/cli/check.ts';
import { folder } from '../kit/lab.ts';

interface Mistake {
  readonly what: string;
  /** The config, or what stands in `defineConfig({ … })` of one. */
  readonly config: string;
  /** Its name. Default `pxe.config.ts`. */
  readonly name?: string;
  /** Other files. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A config that holds these keys. */
const ts = (keys: string) => `import { defineConfig } from 'pxe';
import { accessLog, generate, hosts, httpOrigin, identify, rewrite, tftpdMap } from 'pxe/plugins';

export default defineConfig({
  rootDir: 'ROOT',
${keys
  .split('\n')
  .map((line) => `  ${line}`)
  .join('\n')}
});
`;

/** Hosts from a data file. */
const rack = (file: string) => ts(`plugins: [hosts({ file: '${file}' })],`);

const mistakes: readonly Mistake[] = [
  // The config cannot be read.
  { what: 'a bracket is missing', config: ts("plugins: [hosts({ '52:54:00:12:34:56': { folder: 'web1' ),") },
  { what: 'a quote is missing', config: ts("tftp: { listen: [{ address: '127.0.0.1, port: 69 }] },") },
  { what: 'no default export', config: "export const config = { rootDir: 'ROOT' };" },
  { what: 'a function in place of a config', config: 'export default () => ({});' },
  { what: 'a promise in place of a config', config: "export default import('./other.ts');", files: { 'other.ts': '' } },
  {
    what: 'an enum',
    config: "enum Port { tftp = 69 }\nexport default { tftp: { listen: [{ address: '::', port: Port.tftp }] } };",
  },
  { what: 'CommonJS', config: "module.exports = { rootDir: 'ROOT' };" },
  {
    what: 'an import without its ending',
    config: "import { web1 } from './machines';\nexport default {};",
    files: { 'machines.ts': '' },
  },
  { what: 'an import that is not installed', config: "import lodash from 'lodash';\nexport default {};" },
  { what: 'an import that is misspelt', config: "import { host } from 'pxe/plugins';\nexport default {};" },
  { what: 'a config that throws', config: "const racks: string[][] = [];\nexport default { rootDir: racks[3]!.join('/') };" },
  { what: 'a name that is not defined', config: ts('plugins: [\n  hosts({ default: {} }),\n  accesLog(),\n],') },
  {
    what: 'a mistake in an imported file',
    config: "import './macs.ts';\nexport default {};",
    files: { 'macs.ts': 'export const macs = [;\n' },
  },
  { what: 'JSON with a comma too many', name: 'pxe.config.json', config: '{\n  "rootDir": "ROOT",\n}\n' },
  {
    what: 'JSON with a comma before ]',
    name: 'pxe.config.json',
    config: '{\n  "plugins": [\n    { "use": "accessLog" },\n  ]\n}\n',
  },
  {
    what: 'a regular expression that is invalid',
    config: ts("plugins: [\n  rewrite([{ match: /^boot(\\//, replace: '' }]),\n],"),
  },
  { what: 'YAML with a tab', name: 'pxe.config.yaml', config: 'rootDir: ROOT\nlisten:\n\t- address: 127.0.0.1\n' },
  { what: 'an empty YAML', name: 'pxe.config.yaml', config: '# nothing yet\n' },

  // Keys and values.
  { what: 'a misspelt key', config: ts("rotDir: 'x',") },
  { what: 'a key at the wrong level', config: ts('windowSize: 16,') },
  { what: 'a number in quotes', config: ts("tftp: { listen: [{ address: '127.0.0.1', port: '69' as never }] },") },
  { what: 'a port out of range', config: ts("tftp: { listen: [{ address: '127.0.0.1', port: 70000 }] },") },
  { what: 'an address that is none', config: ts("tftp: { listen: [{ address: '192.168.7.300' }] },") },
  { what: 'listen without brackets', config: ts("tftp: { listen: { address: '127.0.0.1' } as never },") },
  { what: 'a misspelt level', config: ts("log: { level: 'inof' as never },") },
  { what: 'limits against each other', config: ts('tftp: { limits: { minTimeoutMs: 500, maxTimeoutMs: 100 } },') },
  {
    what: 'several at once',
    config: ts("tftp: { singlePort: 'yes' as never, limits: { retries: -1 } },\nuploads: { maxBytes: 5 } as never,"),
  },

  // Plugins and their options.
  { what: 'a plugin that is not called', config: ts('plugins: [accessLog as never],') },
  { what: 'an unknown option', config: ts('plugins: [accessLog({ boot: false } as never)],') },
  {
    what: 'options for a plugin that takes none',
    config:
      "import { definePlugin } from 'pxe';\nconst mine: any = definePlugin({ name: 'mine', setup: () => ({}) });\nexport default { rootDir: 'ROOT', plugins: [mine({ level: 5 })] };",
  },
  { what: 'flags that no regular expression has', config: ts("plugins: [rewrite([{ match: '/^boot/x', replace: '' }])],") },
  { what: 'a bad MAC address in a table', config: ts("plugins: [identify({ table: { '192.168.7.20': '52:54:00:12:34' } })],") },
  { what: 'a misspelt source', config: ts('plugins: [identify({ neighbors: true } as never)],') },
  { what: 'a bad selector', config: ts("plugins: [hosts({ '52:54:00:12:34': { folder: 'web1' } })],") },
  { what: 'a network that is none', config: ts("plugins: [hosts({ '192.168.7.0/33': { folder: 'lab' } })],") },
  { what: 'a misspelt key of a host', config: ts("plugins: [hosts({ default: { file: { a: 'b' } } as never })],") },
  { what: 'a file outside the root', config: ts("plugins: [hosts({ default: { files: { a: '../b' } } })],") },
  { what: 'a bad regular expression', config: ts("plugins: [rewrite([{ match: '/^(boot/', replace: '' }])],") },
  {
    what: 'a plugin that cannot be set up',
    config:
      "import { definePlugin } from 'pxe';\nconst bad = definePlugin({ name: 'bad', setup() { throw new Error('no licence: buy one'); } });\nexport default { rootDir: 'ROOT', plugins: [bad()] };",
  },

  // Plugins by reference.
  { what: 'a misspelt plugin', name: 'pxe.config.json', config: '{ "rootDir": "ROOT", "plugins": [{ "use": "host" }] }' },
  {
    what: 'a plugin module that is missing',
    name: 'pxe.config.yaml',
    config: 'rootDir: ROOT\nplugins:\n  - use: ./greet.ts#greet\n',
  },
  {
    what: 'a module without such a plugin',
    name: 'pxe.config.yaml',
    config: 'rootDir: ROOT\nplugins:\n  - use: ./greet.ts#greet\n',
    files: { 'greet.ts': 'export const greeting = () => 5;' },
  },
  {
    what: 'options beside their key',
    name: 'pxe.config.yaml',
    config: 'rootDir: ROOT\nplugins:\n  - use: hosts\n    default: { folder: lab }\n',
  },

  // Hosts and groups, in the config and in data files.
  {
    what: 'a group that nobody defines',
    config: ts("plugins: [hosts({ hosts: { default: { groups: ['webb'] } }, groups: { web: {} } })],"),
  },
  {
    what: 'groups in a circle',
    config: ts(
      "plugins: [hosts({ hosts: { default: { groups: ['a'] } }, groups: { a: { groups: ['b'] }, b: { groups: ['a'] } } })],",
    ),
  },
  { what: 'a machine listed twice', config: ts("plugins: [hosts({ '52:54:00:12:34:56': {}, '5254.0012.3456': {} })],") },
  {
    what: 'a file that is not under the root',
    config: ts("plugins: [hosts({ default: { files: { 'boot.efi': 'ipxe/snponly.efi' } } })],"),
  },
  { what: 'an unknown placeholder', config: ts("plugins: [hosts({ default: { folder: 'hosts/{hostname}' } })],") },
  { what: 'a data file that is missing', config: rack('rack.csv') },
  { what: 'a data file of another kind', config: rack('rack.xlsx'), files: { 'rack.xlsx': 'PK' } },
  { what: 'a CSV without a column for machines', config: rack('rack.csv'), files: { 'rack.csv': 'host,folder\nweb1,web1\n' } },
  {
    what: 'a CSV with a misspelt column',
    config: rack('rack.csv'),
    files: { 'rack.csv': 'mac,foldr\n52:54:00:12:34:56,web1\n' },
  },
  {
    what: 'a CSV with a comma too many',
    config: rack('rack.csv'),
    files: { 'rack.csv': 'mac,folder\n52:54:00:12:34:56,web,1\n' },
  },
  {
    what: 'a CSV with a bad MAC address and a bad folder',
    config: rack('rack.csv'),
    files: { 'rack.csv': 'mac,folder\n52:54:00:12:34:56,web1\n52:54:00:12:34:5g,web2\n52:54:00:12:34:57,../web3\n' },
  },
  { what: 'a CSV with an unknown group', config: rack('rack.csv'), files: { 'rack.csv': 'mac,groups\n52:54:00:12:34:56,web\n' } },
  {
    what: 'YAML hosts badly indented',
    config: rack('rack.yaml'),
    files: { 'rack.yaml': 'hosts:\n  "52:54:00:12:34:56":\n    folder: web1\n   name: web1\n' },
  },
  {
    what: 'YAML hosts with an unquoted number',
    config: rack('rack.yaml'),
    files: { 'rack.yaml': 'hosts:\n  - mac: "52:54:00:12:34:56"\n    folder: 17\n' },
  },
  {
    what: 'JSON hosts with a misspelt key',
    config: rack('rack.json'),
    files: { 'rack.json': '{ "hosts": {\n  "52:54:00:12:34:56": { "foldr": "web1" }\n} }\n' },
  },

  // Map files, lease files, origins.
  {
    what: 'a map file with an unknown operator',
    config: ts("plugins: [tftpdMap('tftpd.map')],"),
    files: { 'tftpd.map': '# map\nrq ^boot/ x/\n' },
  },
  {
    what: 'a map file with a bad expression',
    config: ts("plugins: [tftpdMap('tftpd.map')],"),
    files: { 'tftpd.map': 'r ^(boot/ x/\n' },
  },
  {
    what: 'a map file that jumps nowhere',
    config: ts("plugins: [tftpdMap('tftpd.map')],"),
    files: { 'tftpd.map': 'j ^boot/ later\n' },
  },
  { what: 'a map file that is missing', config: ts("plugins: [tftpdMap('tftpd.map')],") },
  { what: 'a lease file that is missing', config: ts("plugins: [identify({ leases: ['dnsmasq.leases'] })],") },
  {
    what: 'a template with a misspelt variable',
    config: ts(
      "plugins: [hosts({ '52:54:00:12:34:56': { variables: { disk: '/dev/vda' } } }), generate({ a: { template: 'a.liquid' } })],",
    ),
    files: { 'a.liquid': '#!ipxe\nkernel linux disk={{ dsik }}\n' },
  },
  {
    what: 'a template with an open tag',
    config: ts("plugins: [generate({ a: { template: 'a.liquid' } })],"),
    files: { 'a.liquid': '#!ipxe\n{% if gpu %}\nkernel linux\n' },
  },
  { what: 'a template that is missing', config: ts("plugins: [generate({ a: { template: 'a.liquid' } })],") },
  { what: 'an origin that is no URL', config: ts("plugins: [httpOrigin({ url: 'mirror.example/pub', cacheDir: 'cache' })],") },
  {
    what: 'credentials in the URL of an origin',
    config: ts("plugins: [httpOrigin({ url: 'https://me:secret@mirror.example/', cacheDir: 'cache' })],"),
  },

  // What the config names.
  { what: 'folders that are missing', config: "export default { rootDir: 'tftp', uploads: { dir: 'up' } };" },
  { what: 'a root that is a file', config: "export default { rootDir: 'pxe.config.ts' };" },
  { what: 'an interface that is missing', config: ts("tftp: { listen: [{ interface: 'lab7' }] },") },
];

test.each(mistakes)('$what', async ({ config, name = 'pxe.config.ts', files = {} }) => {
  const at = folder();
  for (const [file, text] of Object.entries(files)) at.put(file, text);
  const { text } = await judge({ config: at.put(name, config) });
  const told = text.replaceAll(at.path, 'LAB').replace(/(?<=; interfaces that have one: ).*/, 'INTERFACES');
  expect(told).not.toContain(' is fine.');
  expect(told).toContain(join('LAB', ''));
  expect(`\n${told}\n`).toMatchSnapshot();
});

test('there are forty at least', () => {
  expect(mistakes.length).toBeGreaterThanOrEqual(40);
});
