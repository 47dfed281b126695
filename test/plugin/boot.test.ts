/** What plugins answer to a machine that asks what to boot. */
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/base/refusal.ts';
import { definePlugin } from '../../src/plugin/define.ts';
import type { Trace } from '../../src/plugin/trace.ts';
import type { BootRequest, Call, Hooks } from '../../src/plugin/types.ts';
import { bootRequest, environment, start } from './support.ts';

/** A plugin may be JavaScript. */
const booting = (name: string, boot: (request: BootRequest, call: Call) => unknown) =>
  definePlugin({ name, setup: () => ({ boot }) as Hooks })();

async function asking(...plugins: ReturnType<typeof booting>[]) {
  const env = environment();
  const pipeline = await start(plugins, env);
  const trace: Trace = [];
  const ask = (client: Parameters<typeof bootRequest>[0] = {}) => pipeline.boot(bootRequest(client), { trace });
  return { env, trace, ask };
}

describe('what a plugin may answer', () => {
  test.each<[unknown, object, told: string]>([
    ['ipxe.efi', { kind: 'file', name: 'ipxe.efi' }, 'ipxe.efi'],
    ['/efi//ipxe.efi', { kind: 'file', name: 'efi/ipxe.efi' }, 'efi/ipxe.efi'],
    ['disk', { kind: 'disk' }, 'disk'],
    [{ file: 'disk' }, { kind: 'file', name: 'disk' }, 'disk'],
    ['http://192.168.7.1/a%20b.efi', { kind: 'url', url: 'http://192.168.7.1/a%20b.efi' }, 'http://192.168.7.1/a%20b.efi'],
    [{ file: 'x.efi', layout: 'binl' }, { kind: 'file', name: 'x.efi', layout: 'binl' }, 'x.efi, layout binl'],
  ])('%j', async (answer, boot, told) => {
    const { ask, trace } = await asking(booting('one', () => answer));
    expect(await ask()).toMatchObject({ boot: { plugin: 'one', layout: undefined, ...boot } });
    expect(trace).toMatchObject([{ plugin: 'one', hook: 'boot', before: '52:54:00:12:34:56 uefi-x64', after: told }]);
  });

  test.each<[unknown, message: string]>([
    [5, "must return a file name, a URL, 'disk', { file, layout } or nothing, returned 5"],
    ['', 'must return a file name'],
    [null, 'must return a file name'],
    [{ layout: 'menu' }, 'must return a file name'],
    [{ file: 'x', layout: 'bnil' }, 'returned an unknown layout: "bnil"; did you mean "binl"?'],
    ['ftp://192.168.7.1/x', 'returned a URL that is not valid, or not http: or https:: "ftp://192.168.7.1/x"'],
    ['http://192.168.7.1/a b', 'returned a URL that is not valid'],
    ['http://[/', 'returned a URL that is not valid'],
  ])('not %j', async (answer, message) => {
    const { ask, env } = await asking(booting('odd', () => answer));
    expect(await ask()).toMatchObject({ error: { reason: 'internal' } });
    expect(String(env.log.lines[0]?.fields.err)).toContain(`plugin "odd", boot: ${message}`);
  });

  test('a name that leaves the root is refused', async () => {
    const { ask } = await asking(booting('out', () => '../x'));
    expect(await ask()).toMatchObject({ error: { reason: 'forbidden' } });
  });
});

test('the first answer wins, and without one there is no offer', async () => {
  const { ask, trace } = await asking(
    booting('ipxe only', ({ client }) => (client.firmware === 'ipxe' ? 'menu.ipxe' : undefined)),
    booting('all', () => (trace.length > 4 ? undefined : 'ipxe.efi')),
  );
  expect((await ask()).boot).toMatchObject({ name: 'ipxe.efi', plugin: 'all' });
  expect((await ask({ firmware: 'ipxe' })).boot).toMatchObject({ name: 'menu.ipxe', plugin: 'ipxe only' });
  await ask();
  expect(await ask()).toEqual({ request: bootRequest(), boot: undefined });
});

test('identify and host are asked before, about what DHCP leaves open', async () => {
  const knowing = definePlugin({
    name: 'knowing',
    setup: (): Hooks => ({
      identify: () => ({ mac: '52:54:00:99:99:99', serial: 'd1f0c2aa', source: 'table' }),
      host: ({ client, kind }) => ({ name: `${kind} ${client.mac} ${client.serial}`, groups: [], variables: {} }),
      boot: ({ client }) => `${client.host?.name}`,
    }),
  });
  const { ask } = await asking(knowing());
  expect((await ask()).boot).toMatchObject({ name: 'boot 52:54:00:12:34:56 d1f0c2aa' });
});

test('what a plugin refuses, or does wrong, is an error for that request alone', async () => {
  const answers: (() => unknown)[] = [
    () => {
      throw new Refusal('busy', 'later');
    },
    () => Promise.reject(new Error('bang')),
    () => 'ipxe.efi',
  ];
  const { ask, env } = await asking(booting('some', () => answers.shift()!()));
  expect(await ask()).toMatchObject({ error: { reason: 'busy', message: 'later' } });
  expect(await ask()).toMatchObject({ error: { reason: 'internal' } });
  expect(await ask()).toMatchObject({ boot: { name: 'ipxe.efi' } });
  expect(env.log.lines.map(({ fields }) => String(fields.err))).toEqual(['PluginError: plugin "some", boot: bang']);
});

test('a request that is given up rejects with its reason', async () => {
  const { Abort } = await import('../../src/base/abort.ts');
  const gone = new Abort();
  const env = environment();
  const pipeline = await start([booting('slow', () => new Promise(() => {}))], env);
  const asked = expect(pipeline.boot(bootRequest(), { signal: gone })).rejects.toThrow('gone');
  gone.abort(new Error('gone'));
  await asked;
});

describe('firmware and architecture from an identify hook', () => {
  const identifying = (identity: unknown) =>
    definePlugin({ name: 'knows', setup: () => ({ identify: () => identity }) as Hooks })();

  test('are filled in, also where nothing else is known', async () => {
    const { ask } = await asking(identifying({ firmware: 'bios', arch: 0, source: 'dhcp' }));
    const { request } = await ask({ firmware: undefined as never, arch: undefined as never });
    expect(request.client).toMatchObject({ firmware: 'bios', arch: 0, mac: '52:54:00:12:34:56' });
  });

  test('do not replace what the request says', async () => {
    const { ask } = await asking(identifying({ firmware: 'bios', arch: 0, source: 'dhcp' }));
    expect((await ask()).request.client).toMatchObject({ firmware: 'uefi-x64', arch: 7 });
  });

  test.each<[object, string]>([
    [{ firmware: 'uefi-x46', source: 'dhcp' }, 'returned an unknown firmware: "uefi-x46"; did you mean "uefi-x64"?'],
    [{ arch: 7.5, source: 'dhcp' }, 'returned an invalid arch: 7.5'],
    [{ arch: 65_536, source: 'dhcp' }, 'returned an invalid arch: 65536'],
  ])('%j is a mistake', async (identity, message) => {
    const { ask, env } = await asking(identifying(identity));
    expect(await ask()).toMatchObject({ error: { reason: 'internal' } });
    expect(String(env.log.lines[0]?.fields.err)).toContain(message);
  });
});
