/** Keys that were elsewhere before the config had sections: the old place is an error that names the new one, wherever it is written. */
import { describe, expect, test } from 'vitest';
import { formatPath } from '../../src/base/issue.ts';
import type { Config } from '../../src/config/config.ts';
import { tftpSection } from '../../src/tftp/section.ts';
import { load, resolveConfig } from '../kit/config.ts';
import { configErrorOf, folderOf, systemClock } from './support.ts';

/** Old place → a value that is valid at the new one. */
const MOVED: Readonly<Record<string, unknown>> = {
  listen: [{ address: '127.0.0.1', port: 0 }],
  singlePort: true,
  transport: 'portable',
  transferPorts: { from: 5000, to: 5100 },
  dscp: 'ef',
  mtu: { '10.8.0.0/24': 1400 },
  rollover: 1,
  'limits.transfers': 100,
  'limits.transfersPerClient': 10,
  'limits.unproven': 10,
  'limits.unprovenBytes': 1024,
  'limits.unprovenFactor': 2,
  'limits.waiting': 10,
  'limits.nameBytes': 100,
  'limits.options': 4,
  'limits.optionBytes': 64,
  'limits.blockSize': 1428,
  'limits.windowSize': 8,
  'limits.windowBytes': 65_536,
  'limits.retries': 3,
  'limits.idleMs': 5000,
  'limits.minTimeoutMs': 100,
  'limits.maxTimeoutMs': 1000,
};

function nested(path: readonly string[], value: unknown): object {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}

describe.each(Object.entries(MOVED))('%s', (old, value) => {
  test('is an error that names the new place, and is taken there', async () => {
    const error = await configErrorOf(() => resolveConfig(nested(old.split('.'), value) as Config, { dir: '/lab' }));
    expect(error.issues.map(({ path, message }) => [formatPath(path), message])).toEqual([[old, `moved to tftp.${old}`]]);
    expect(() => resolveConfig(nested(`tftp.${old}`.split('.'), value), { dir: '/lab' })).not.toThrow();
  });
});

test('every key that the section had when it was made is in the table', () => {
  const { limits, ...top } = tftpSection.schema.shape;
  const known = [...Object.keys(top), ...Object.keys(limits.unwrap().shape).map((key) => `limits.${key}`)];
  expect(known.filter((key) => !(key in MOVED))).toEqual([]);
  expect(Object.keys(tftpSection.moved).sort()).toEqual(Object.keys(MOVED).sort());
});

const program = (text: string) => `import { defineConfig } from 'pxe';\n\n${text}`;

test.each([
  ['pxe.config.ts', program('export default defineConfig({\n  listen: [] as never,\n} as never);\n'), ':4:3: listen', 'listen'],
  ['pxe.config.js', 'export default {\n  limits: { hookMs: 5, retries: 3 },\n};\n', ':2:24: limits.retries', 'limits.retries'],
  ['pxe.config.mts', 'const config = {\n  dscp: 8 };\nexport default config;\n', ':2:3: dscp', 'dscp'],
  ['pxe.config.json', '{\n  "rootDir": ".",\n  "mtu": {}\n}\n', ':3:3: mtu', 'mtu'],
  ['pxe.config.yaml', 'rootDir: .\nlimits:\n  stopMs: 5\n  idleMs: 30000\n', ':4:3: limits.idleMs', 'limits.idleMs'],
  ['package.json', '{ "name": "lab",\n  "pxe": { "rollover": 0 } }\n', ':2:12: pxe.rollover', 'rollover'],
  ['pxe.config.mjs', 'const key = "dscp";\nexport default { [key]: 8 };\n', ': 1 problem\n  dscp', 'dscp'],
])('%s: the line is named where the key is written', async (name, text, where, old) => {
  const folder = folderOf({ [name]: text });
  const error = await configErrorOf(load({ folder, clock: systemClock }));
  expect(error.message).toBe(`${folder}/${name}${where}: moved to tftp.${old}`);
});
