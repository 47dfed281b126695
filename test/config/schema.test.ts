import { readFileSync } from 'node:fs';
import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { Config, Limits, LogSettings, Uploads } from '../../src/config/config.ts';
import type { ResolvedConfig } from '../../src/config/resolve.ts';
import { composeSchema, type GeneralSchema } from '../../src/config/schema.ts';
import type { DhcpConfig, DhcpLimits, DhcpPorts } from '../../src/dhcp/config.ts';
import type { dhcpSection } from '../../src/dhcp/section.ts';
import type { HttpConfig, HttpLimits, HttpTls } from '../../src/http/config.ts';
import type { httpSection } from '../../src/http/section.ts';
import { definePlugin } from '../../src/plugin/define.ts';
import type { ListenAddress, ListenInterface, PortRange, TftpConfig, TftpLimits } from '../../src/tftp/config.ts';
import type { tftpSection } from '../../src/tftp/section.ts';
import { resolveConfig } from '../kit/config.ts';
import { configErrorOf } from './support.ts';

type Input = z.input<GeneralSchema>;
type Given<key extends keyof Input> = NonNullable<Input[key]>;
type DhcpInput = z.input<typeof dhcpSection.schema>;
type HttpInput = z.input<typeof httpSection.schema>;
type TftpInput = z.input<typeof tftpSection.schema>;
type TftpGiven<key extends keyof TftpInput> = NonNullable<TftpInput[key]>;

test('an optional section is absent unless it is written, and then has its defaults', () => {
  const schema = z.strictObject({ port: z.int().default(67) }).describe('A protocol.');
  const { object } = composeSchema({ always: { schema }, optional: { schema, isOptional: true } });
  expect(object.parse({})).toMatchObject({ always: { port: 67 } });
  expect(object.parse({})).not.toHaveProperty('optional');
  expect(object.parse({ optional: {} })).toMatchObject({ optional: { port: 67 } });
});

test('the written types have the keys of the schema, and take what it takes', () => {
  expectTypeOf<keyof Config>().toEqualTypeOf<keyof Input | 'tftp' | 'dhcp' | 'http'>();
  expectTypeOf<keyof Limits>().toEqualTypeOf<keyof Given<'limits'>>();
  expectTypeOf<keyof Uploads>().toEqualTypeOf<keyof Given<'uploads'>>();
  expectTypeOf<keyof LogSettings>().toEqualTypeOf<keyof Given<'log'>>();
  expectTypeOf<Omit<Input, 'plugins'>>().toExtend<Omit<Config, 'plugins' | 'tftp'>>();
  expectTypeOf<keyof TftpConfig>().toEqualTypeOf<keyof TftpInput>();
  expectTypeOf<keyof TftpLimits>().toEqualTypeOf<keyof TftpGiven<'limits'>>();
  expectTypeOf<keyof PortRange>().toEqualTypeOf<keyof TftpGiven<'transferPorts'>>();
  expectTypeOf<TftpGiven<'listen'>[number]>().toExtend<ListenAddress | ListenInterface>();
  expectTypeOf<TftpInput>().toExtend<TftpConfig>();
  expectTypeOf<keyof DhcpConfig>().toEqualTypeOf<keyof DhcpInput>();
  expectTypeOf<keyof DhcpPorts>().toEqualTypeOf<keyof NonNullable<DhcpInput['ports']>>();
  expectTypeOf<keyof DhcpLimits>().toEqualTypeOf<keyof NonNullable<DhcpInput['limits']>>();
  expectTypeOf<DhcpInput>().toExtend<DhcpConfig>();
  expectTypeOf<keyof HttpConfig>().toEqualTypeOf<keyof HttpInput>();
  expectTypeOf<keyof HttpTls>().toEqualTypeOf<keyof NonNullable<HttpInput['tls']>>();
  expectTypeOf<keyof HttpLimits>().toEqualTypeOf<keyof NonNullable<HttpInput['limits']>>();
  expectTypeOf<HttpInput>().toExtend<HttpConfig>();
});

test('every default that an editor shows is the real one', () => {
  const resolved = resolveConfig({ uploads: { dir: 'up' }, dhcp: {}, http: { tls: { cert: 'c', key: 'k' } } }, { dir: '/lab' });
  const [listen] = resolved.tftp.listen;
  const values: Record<string, object> = {
    Config: { ...resolved, rootDir: './tftpboot' },
    ListenAddress: listen!,
    ListenInterface: resolveConfig({ tftp: { listen: [{ interface: 'lab0' }] } }, { dir: '/lab' }).tftp.listen[0]!,
    Uploads: resolved.uploads!,
    Limits: resolved.limits,
    LogSettings: resolved.log,
    TftpConfig: resolved.tftp,
    TftpLimits: resolved.tftp.limits,
    DhcpConfig: resolved.dhcp!,
    DhcpPorts: resolved.dhcp!.ports,
    DhcpLimits: resolved.dhcp!.limits,
    HttpConfig: resolved.http!,
    HttpListen: resolved.http!.listen[0]!,
    HttpsListen: resolved.http!.tls!.listen[0]!,
    HttpTls: resolved.http!.tls!,
    HttpLimits: resolved.http!.limits,
  };
  const files = ['config', 'tftp', 'dhcp', 'http'].map((layer) => new URL(`../../src/${layer}/config.ts`, import.meta.url));
  const source = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  let seen = 0;
  for (const [, name, body] of source.matchAll(/export interface (\w+)[^{]* \{\n(.*?)\n\}/gs)) {
    for (const [, documented, key] of body!.matchAll(/@default (.+?)(?: \([^)]*\))?\s*\*\/\s*readonly (\w+)/g)) {
      const expected: unknown = new Function(`return ${documented}`)();
      expect({ [key!]: (values[name!] as Record<string, unknown>)[key!] }).toEqual({ [key!]: expected });
      seen++;
    }
  }
  const withDefault = Object.values(resolved.limits).length + Object.values(resolved.tftp.limits).length;
  expect(seen).toBeGreaterThanOrEqual(withDefault + 15);
});

test('paths become absolute, and all of it is frozen but for the options of plugins', () => {
  const own = { list: [1] };
  const plugin = definePlugin({ name: 'own', setup: () => ({}) });
  const config = resolveConfig(
    { rootDir: './files', uploads: { dir: '../up' }, plugins: [{ ...plugin(), options: undefined }] },
    { dir: '/lab/etc' },
  );
  expect(config).toMatchObject({
    dir: '/lab/etc',
    rootDir: '/lab/etc/files',
    uploads: { dir: '/lab/up', maxBytes: 64 * 1024 ** 2 },
  });
  expect(
    [config, config.limits, config.tftp, config.tftp.listen, config.tftp.listen[0], config.uploads, config.plugins].every(
      Object.isFrozen,
    ),
  ).toBe(true);
  expect(Object.isFrozen(own)).toBe(false);
  expectTypeOf(config).toEqualTypeOf<ResolvedConfig>();
  // @ts-expect-error -- read-only, all the way down
  expect(() => (config.tftp.limits.transfers = 1)).toThrow(TypeError);
});

test.each([
  [0, 0],
  [63, 63],
  ['ef', 46],
  ['af21', 18],
  ['cs4', 32],
] as const)('dscp %s is %i', (dscp, expected) => {
  expect(resolveConfig({ tftp: { dscp } }, { dir: '/lab' }).tftp.dscp).toBe(expected);
});

test.each<[string, unknown, string, string?]>([
  ['a number for a path', { rootDir: 5 }, 'rootDir: expected a string, found 5'],
  ['a misspelt key', { rootdir: 'x' }, 'rootdir: unknown key', 'did you mean "rootDir"?'],
  ['a misspelt limit', { tftp: { limits: { transfer: 1 } } }, 'tftp.limits.transfer: unknown key', 'did you mean "transfers"?'],
  ['an unknown key', { zzzzzz: 1 }, 'zzzzzz: unknown key', 'valid keys: rootDir, followLinks'],
  [
    'a number in quotes',
    { tftp: { limits: { idleMs: '30' } } },
    'tftp.limits.idleMs: expected a number, found "30"',
    'write the number without quotes: 30',
  ],
  [
    'a flag in quotes',
    { tftp: { singlePort: 'true' } },
    'tftp.singlePort: expected true or false, found "true"',
    'write it without quotes: true',
  ],
  ['out of range', { tftp: { limits: { blockSize: 7 } } }, 'tftp.limits.blockSize: expected at least 8, found 7'],
  ['out of range', { tftp: { limits: { blockSize: 65465 } } }, 'tftp.limits.blockSize: expected at most 65464, found 65465'],
  ['a broken number', { tftp: { limits: { retries: 1.5 } } }, 'tftp.limits.retries: expected a whole number, found 1.5'],
  ['a port', { tftp: { listen: [{ address: '::', port: 65536 }] } }, 'tftp.listen[0].port: expected at most 65535, found 65536'],
  [
    'no address',
    { tftp: { listen: [{ address: 'lab0' }] } },
    'tftp.listen[0].address: expected an IPv4 or IPv6 address, found "lab0"',
  ],
  [
    'address and interface',
    { tftp: { listen: [{ address: '::', interface: 'lab0' }] } },
    'cannot be combined with the other keys here',
  ],
  [
    'a misspelt port',
    { tftp: { listen: [{ interface: 'lab0', prot: 69 }] } },
    'tftp.listen[0].prot: unknown key',
    'did you mean "port"?',
  ],
  ['no listener', { tftp: { listen: [] } }, 'tftp.listen: expected at least 1 entry, found 0'],
  [
    'no array',
    { tftp: { listen: { address: '::' } } },
    'tftp.listen: expected an array, found an object',
    'write it in brackets',
  ],
  ['a transport', { tftp: { transport: 'udp' } }, 'tftp.transport: expected "auto", "native" or "portable", found "udp"'],
  ['a level', { log: { level: 'inf' } }, 'log.level: expected "trace", ', 'did you mean "info"?'],
  ['a rollover', { tftp: { rollover: 2 } }, 'tftp.rollover: expected 0 or 1, found 2'],
  [
    'a port range upside down',
    { tftp: { transferPorts: { from: 9, to: 8 } } },
    'tftp.transferPorts.to: must not be less than `from`',
  ],
  [
    'timeouts upside down',
    { tftp: { limits: { minTimeoutMs: 9, maxTimeoutMs: 8 } } },
    'tftp.limits.maxTimeoutMs: must not be less than `minTimeoutMs`',
  ],
  ['a dscp', { tftp: { dscp: 64 } }, 'tftp.dscp: expected at most 63, found 64'],
  ['a name of a dscp', { tftp: { dscp: 'af5' } }, 'tftp.dscp: expected a number, "cs0", "le", '],
  [
    'no network',
    { tftp: { mtu: { '10.8.0.1': 1400 } } },
    'tftp.mtu["10.8.0.1"]: expected a network such as 10.8.0.0/24 or 2001:db8::/32',
  ],
  ['a prefix too long', { tftp: { mtu: { '10.8.0.0/33': 1400 } } }, 'tftp.mtu["10.8.0.0/33"]: expected a network'],
  [
    'an address for a network',
    { tftp: { mtu: { '10.8.0.7/24': 1400 } } },
    `tftp.mtu["10.8.0.7/24"]: is one machine's address with a prefix length: write 10.8.0.7 for that machine, or 10.8.0.0/24`,
  ],
  ['a port for both', { dhcp: { ports: { bootServer: 67 } } }, 'dhcp.ports.bootServer: must differ from `dhcp`'],
  ['a relay for a network', { dhcp: { relays: ['10.8.0.1'] } }, 'dhcp.relays[0]: expected a network such as 10.8.0.0/24'],
  ['no interface', { dhcp: { interfaces: [] } }, 'dhcp.interfaces: expected '],
  ['a delay of a minute', { dhcp: { replyDelayMs: 60_000 } }, 'dhcp.replyDelayMs: expected at most 3000, found 60000'],
  ['an mtu that none has', { tftp: { mtu: { '10.8.0.0/24': 67 } } }, 'tftp.mtu["10.8.0.0/24"]: expected at least 68, found 67'],
  ['a user', { user: 'a b' }, 'user: expected a user, or user:group, found "a b"'],
  ['uploads without a folder', { uploads: {} }, 'uploads.dir: expected a string, found nothing'],
  ['plugins that are none', { plugins: [3] }, 'plugins[0]: expected a plugin, found 3'],
  [
    'a plugin that was not called',
    { plugins: [definePlugin({ name: 'a', setup: () => ({}) })] },
    'plugins[0]: expected a plugin, found a function',
    'call the function',
  ],
  ['plugins in no array', { plugins: {} }, 'plugins: expected an array, found an object'],
])('%s: %o', async (_, input, message, hint = '') => {
  const error = await configErrorOf(() => resolveConfig(input as Config, { dir: '/lab', file: '/lab/pxe.config.ts' }));
  expect(error.message).toContain(message);
  expect(error.message).toContain(hint);
  expect(error.message.split('\n')[0]).toBe('/lab/pxe.config.ts: 1 problem');
  expect(error.issues).toHaveLength(1);
});
