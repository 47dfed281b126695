/** Blocks that fit the path: for the networks that the config names, and for nobody else. */

import { describe, expect, test } from 'vitest';
import { limitsByNetwork } from '../../src/tftp/path-mtu.ts';
import { resolveConfig } from '../kit/config.ts';
import { folder, lab } from '../kit/lab.ts';
import { TRANSFER_LIMITS } from '../kit/limits.ts';
import { freePort } from '../kit/serve.ts';
import { get, put } from '../kit/tftp.ts';

describe('the largest block', () => {
  const mtu = {
    '10.8.0.0/16': 1400,
    '10.8.7.0/24': 1300,
    '10.8.7.9/32': 9000,
    '10.9.0.0/16': 68,
    '2001:db8::/32': 1280,
    '2001:db8:0:1::/64': 65_535,
  };

  test.each([
    ['in a network: less 20 of IP, 8 of UDP, 4 of TFTP', '10.8.0.1', 1368],
    ['in IPv6: less 40 of IP', '2001:db8:5::1', 1228],
    ['in two networks: the narrower counts', '10.8.7.8', 1268],
    ['in three of them, though that one allows more', '10.8.7.9', 8968],
    ['with a zone', '2001:db8::1%eth0', 1228],
    ['of an IPv4 client of an IPv6 socket', '::ffff:10.8.0.1', 1368],
    ['on the narrowest path that there is', '10.9.0.1', 36],
    ['elsewhere', '10.10.0.1', 65_464],
    ['elsewhere in IPv6', '2001:db9::1', 65_464],
    ['that a limit of all allows', '2001:db8:0:1::1', 65_464],
    ['of nobody in particular', '', 65_464],
  ])('%s: %s', (_what, address, blockSize) => {
    expect(limitsByNetwork(mtu, TRANSFER_LIMITS)(address)).toEqual({ ...TRANSFER_LIMITS, blockSize });
  });

  test('is never larger than `tftp.limits.blockSize`', () => {
    expect(limitsByNetwork({ '10.8.0.0/16': 1400 }, { ...TRANSFER_LIMITS, blockSize: 1024 })('10.8.0.1').blockSize).toBe(1024);
  });
});

test('is granted over the wire, read or written, and a reload changes it', async () => {
  const at = folder();
  at.put('ROOT/file', new Uint8Array(3000));
  at.put('UP/.keep', '');
  const listen = [{ address: '127.0.0.1', port: await freePort() }];
  const config = { rootDir: at.root, stableMs: 0, uploads: { dir: `${at.path}/UP` }, tftp: { listen } };
  const { server, address } = await lab({ ...config, tftp: { listen, mtu: { '127.0.0.2/31': 1400 } } }, at);
  const options = { blksize: 1468, windowsize: 4 };
  const granted = async (local: string) => (await get(address, 'file', { local, options })).agreed;
  expect(await granted('127.0.0.1')).toEqual({ blksize: '1468', windowsize: '4' });
  expect(await granted('127.0.0.2')).toEqual({ blksize: '1368', windowsize: '4' });
  expect((await get(address, 'file', { local: '127.0.0.2', options: { blksize: 1000 } })).agreed).toEqual({ blksize: '1000' });
  expect((await get(address, 'file', { local: '127.0.0.2' })).bytes).toHaveLength(3000);
  expect((await put(address, 'up', new Uint8Array(3000), { local: '127.0.0.3', options })).agreed).toEqual({
    blksize: '1368',
    windowsize: '4',
  });
  const question = { name: 'file', address: '127.0.0.2', options: [{ name: 'blksize', value: '1468' }] };
  expect((await server.explain(question)).agreed).toEqual([{ name: 'blksize', value: '1368' }]);
  await server.reload(resolveConfig(config, { dir: at.path }));
  expect(await granted('127.0.0.2')).toEqual({ blksize: '1468', windowsize: '4' });
});
