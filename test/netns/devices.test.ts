/**
 * Sockets of an interface that is listened on by name: what comes by another interface is none of theirs, and what they send
 * leaves by theirs. And the mark that packets carry on the wire.
 */
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { nativeUnavailableReason } from '../../src/net/native/libc.ts';
import { folder } from '../kit/lab.ts';
import { cli } from '../kit/pxe.ts';
import { type Served, serve } from '../kit/serve.ts';
import { describeWith, requireFiles, requireRoot, requireTools } from '../kit/tools.ts';
import { must, Namespaces } from './namespaces.ts';

const askScript = fileURLToPath(new URL('ask.ts', import.meta.url));
const needs = [
  ...requireTools('ip'),
  ...requireFiles('/dev/net/tun'),
  requireRoot(),
  { what: `the native transport (${nativeUnavailableReason()})`, met: nativeUnavailableReason() === undefined },
];

/** A server that serves `file`. */
async function serveOn(network: Namespaces, tftp: object): Promise<Served> {
  const at = folder();
  at.put('ROOT/file', 'hello');
  at.put('pxe.config.json', JSON.stringify({ rootDir: 'ROOT', stableMs: 0, tftp }));
  const served = await serve({ flags: [], cwd: at.path, prefix: network.on('server') });
  onTestFinished(() => served[Symbol.asyncDispose]());
  await served.logged(({ msg }) => msg === 'ready', 15_000);
  return served;
}

/** Who answers a machine that asks for `file`. */
async function answerTo(network: Namespaces, machine: string, address: string, port: number): Promise<string> {
  return (await must([...network.on(machine), process.execPath, askScript, address, String(port), 'file'])).trim();
}

describeWith('sockets of an interface', needs, () => {
  test('answer what comes by it, those of its address whatever comes, also side by side on one port', async () => {
    await using network = await Namespaces.make('server', 'near', 'far');
    await network.cable(
      { machine: 'server', device: 'lab0', addresses: ['10.77.0.1/24'] },
      { machine: 'near', device: 'eth0', addresses: ['10.77.0.10/24'] },
    );
    await network.cable(
      { machine: 'server', device: 'lab1', addresses: ['10.78.0.1/24'] },
      { machine: 'far', device: 'eth0', addresses: ['10.78.0.10/24'] },
    );
    await network.ip('far', 'route', 'add', '10.77.0.0/24', 'via', '10.78.0.1');
    const [byName, byAddress, byBoth] = [7001, 7002, 7003];
    await using _served = await serveOn(network, {
      transport: 'native',
      listen: [
        { interface: 'lab0', port: byName },
        { address: '10.77.0.1', port: byAddress },
        { interface: 'lab0', port: byBoth },
        { address: '10.77.0.1', port: byBoth },
      ],
    });
    const answers: Record<string, string> = {};
    for (const machine of ['near', 'far']) {
      for (const port of [byName, byAddress, byBoth])
        answers[`${machine} ${port}`] = await answerTo(network, machine, '10.77.0.1', port);
    }
    expect(answers).toEqual({
      'near 7001': '10.77.0.1',
      'near 7002': '10.77.0.1',
      'near 7003': '10.77.0.1',
      'far 7001': '',
      'far 7002': '10.77.0.1',
      'far 7003': '10.77.0.1',
    });
  });

  test.each([
    ['native', ['10.77.0.1', '10.77.0.2']],
    // The kernel knows one way to 10.77.0.0/24: the second network's clients wait in vain.
    ['portable', ['10.77.0.1', '']],
  ] as const)('two interfaces in one subnet, broadcasts and link-local addresses: %s', async (transport, expected) => {
    await using network = await Namespaces.make('server', 'one', 'two');
    await network.cable(
      { machine: 'server', device: 'lab0', addresses: ['10.77.0.1/24', 'fe80::1/64'] },
      { machine: 'one', device: 'eth0', addresses: ['10.77.0.10/24', 'fe80::10/64'] },
    );
    await network.cable(
      { machine: 'server', device: 'lab1', addresses: ['10.77.0.2/24', 'fe80::1/64'] },
      { machine: 'two', device: 'eth0', addresses: ['10.77.0.11/24', 'fe80::11/64'] },
    );
    const listen = ['lab0', 'lab1'].map((name) => ({ interface: name, port: 69 }));
    await using _served = await serveOn(network, { transport, listen });
    const answersTo = async (one: string, two: string) => [
      await answerTo(network, 'one', one, 69),
      await answerTo(network, 'two', two, 69),
    ];
    expect(await answersTo('10.77.0.1', '10.77.0.2')).toEqual(expected);
    expect(await answersTo('fe80::1%eth0', 'fe80::1%eth0')).toEqual(['fe80::1%eth0', 'fe80::1%eth0']);
    if (transport === 'native') expect(await answersTo('10.77.0.255', '10.77.0.255')).toEqual(expected);
  });
});

describeWith('packets', needs, () => {
  test.each([
    ['ef', 46],
    [undefined, 0],
  ])('carry the mark %s, in IPv4 and IPv6', async (dscp, expected) => {
    await using network = await Namespaces.make('server', 'client');
    const wire = await network.relay(
      { machine: 'server', device: 'wire0', addresses: ['10.77.0.1/24', 'fd77::1/64'] },
      { machine: 'client', device: 'wire1', addresses: ['10.77.0.2/24', 'fd77::2/64'] },
      { rttMs: 0, bitsPerSecond: 1e9 },
    );
    const listen = ['10.77.0.1', 'fd77::1'].map((address) => ({ address, port: 69 }));
    await using _served = await serveOn(network, { transport: 'native', listen, dscp });
    for (const host of ['10.77.0.1', '[fd77::1]']) {
      const got = await must([...network.on('client'), process.execPath, cli, 'get', `tftp://${host}/file`, '-']);
      expect(got).toBe('hello');
    }
    // Of the two bits below it nothing is ours.
    expect(wire.seen.filter((line) => line.startsWith('wire0'))).toEqual([
      `wire0 UDP4 ${expected * 4}`,
      `wire0 UDP6 ${expected * 4}`,
    ]);
  });
});
