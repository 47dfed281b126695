/** `caseInsensitive` holds for the keys of `hosts` and `generate` as it does for the root; without it, nothing changes. */

import { generate, hosts, normalize } from 'pxe/plugins';
import { expect, test } from 'vitest';
import type { Plugin } from '../../src/plugin/define.ts';
import { codeOf } from '../../src/tftp/protocol/refusal.ts';
import { environment, fakeFolder, readRequest, start } from '../plugin/support.ts';

const mac = '52:54:00:12:34:56';
const files = { 'Boot/BCD': 'common', 'win/web1.bcd': 'web1', 'cfg/x': 'x' };

async function served(plugins: readonly Plugin[], asked: string, caseInsensitive: boolean): Promise<string> {
  const pipeline = await start(plugins, environment({ root: fakeFolder(files), caseInsensitive }));
  const name = asked.replaceAll('\\', '/').replace(/^\//, '');
  const route = await pipeline.route({ ...readRequest(name, { mac }), asked });
  return route.error ? `ERROR ${codeOf(route.error)}` : route.served;
}

const given = () =>
  hosts({
    [mac]: { files: { 'boot/bcd': 'win/web1.bcd', 'CFG/*.Cfg': 'cfg/x' } },
    'name:only/Here': { files: { '**': 'cfg/x' } },
  });
const made = () => generate({ 'boot/unattend.xml': () => 'made', 'Menus/*.ipxe': ({ match }) => match.join() });

test.each<[string, () => readonly Plugin[], string, string, string]>([
  ['a key of files', () => [given()], 'BOOT/bcd', 'win/web1.bcd', 'ERROR 1'],
  ['behind normalize', () => [normalize(), given()], '\\boot\\BCD', 'win/web1.bcd', 'Boot/BCD'],
  ['the exact spelling', () => [given()], 'boot/bcd', 'win/web1.bcd', 'win/web1.bcd'],
  ['a pattern of files', () => [given()], 'cfg/Web.CFG', 'cfg/x', 'ERROR 1'],
  ['a selector by name', () => [given()], 'ONLY/here', 'cfg/x', 'ERROR 1'],
  ['a key of generate', () => [made()], 'Boot/Unattend.xml', 'plugin:generate', 'ERROR 1'],
  ['a pattern of generate', () => [made()], 'menus/Web1.IPXE', 'plugin:generate', 'ERROR 1'],
  ['another name', () => [given(), made()], 'boot/bcd2', 'ERROR 1', 'ERROR 1'],
])('%s', async (_, plugins, asked, folded, exact) => {
  expect(await served(plugins(), asked, true)).toBe(folded);
  expect(await served(plugins(), asked, false)).toBe(exact);
});

test('what a wildcard stands for keeps its spelling', async () => {
  const pipeline = await start([made()], environment({ caseInsensitive: true }));
  const { content } = await pipeline.route(readRequest('menus/Web1.IPXE'));
  const bytes = await content!.read(0, 4);
  expect(Buffer.from(bytes).toString()).toBe('Web1');
});

test('of two spellings of one key the first counts, and check tells', async () => {
  const twice = hosts({ default: { files: { 'Boot/BCD': 'win/web1.bcd', 'boot/bcd': 'cfg/x' } } });
  const check = async (caseInsensitive: boolean) =>
    (await (await start([twice], environment({ root: fakeFolder(files), caseInsensitive }))).check()).map(
      ({ message }) => message,
    );
  expect(await served([twice], 'boot/bcd', true)).toBe('win/web1.bcd');
  expect(await check(true)).toEqual([expect.stringContaining('can never match: "Boot/BCD" comes first')]);
  expect(await check(false)).toEqual([]);
});

test('names that are listed keep their spelling', async () => {
  const pipeline = await start([given(), made()], environment({ caseInsensitive: true }));
  expect(await pipeline.machines()).toMatchObject([{ names: ['boot/bcd', 'boot/unattend.xml'] }]);
});
