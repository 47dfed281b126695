/** A machine whose loopback is down: the native transport, which tries itself out on it, is found to work all the same. */
import { expect, onTestFinished, test } from 'vitest';
import { nativeUnavailableReason } from '../../src/net/native/libc.ts';
import { folder } from '../kit/lab.ts';
import { serve } from '../kit/serve.ts';
import { describeWith, requireRoot, requireTools } from '../kit/tools.ts';
import { Namespaces } from './namespaces.ts';

const needs = [
  ...requireTools('ip'),
  requireRoot(),
  { what: 'the native transport', met: nativeUnavailableReason() === undefined },
];

describeWith('no loopback', needs, () => {
  test('served by the native transport, without a word', async () => {
    await using network = await Namespaces.make('server');
    await network.ip('server', 'link', 'set', 'lo', 'down');
    const at = folder();
    at.put('pxe.config.json', JSON.stringify({ rootDir: 'ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 6969 }] } }));
    const served = await serve({ flags: [], cwd: at.path, prefix: network.on('server') });
    onTestFinished(() => served[Symbol.asyncDispose]());
    await served.logged(({ msg }) => msg === 'ready', 15_000);
    expect(served.log.filter(({ msg }) => /native|portable/.test(msg))).toEqual([]);
    expect(served.noise).toEqual([]);
  });
});
