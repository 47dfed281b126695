/**
 * Who asks, on a real wire: three machines with leases of a real dnsmasq ask for the same name and each gets its own file, whichever
 * source tells their MAC addresses; the log says which it was.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdentifyOptions } from 'pxe/plugins';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve } from '../kit/serve.ts';
import { describeWith, requireRoot, requireTools } from '../kit/tools.ts';
import { makeWire, server, type Wire } from './wire.ts';

const macs = ['52:54:00:00:00:01', '52:54:00:00:00:02', '52:54:00:00:00:03'];

describeWith('who asks', [...requireTools('ip', 'dnsmasq', 'busybox', 'curl'), requireRoot()], () => {
  let wire: Wire;

  beforeAll(async () => {
    wire = await makeWire(macs);
    for (const mac of macs) {
      await mkdir(join(wire.folder, 'root', mac), { recursive: true });
      await writeFile(join(wire.folder, 'root', mac, 'boot.cfg'), `the file of ${mac}\n`);
    }
    await writeFile(join(wire.folder, 'root', 'boot.cfg'), 'the file of all others\n');
    await wire.startDhcp();
  }, 60_000);

  afterAll(() => wire?.[Symbol.asyncDispose]());

  /** A server that knows machines by these sources. */
  async function serving(identify: IdentifyOptions) {
    const hosts = Object.fromEntries(macs.map((mac) => [mac, { folder: mac }]));
    const config = join(wire.folder, 'pxe.config.ts');
    await writeFile(
      config,
      `import { accessLog, hosts, identify, rewrite } from 'pxe/plugins';
       export default {
         rootDir: './root',
         plugins: [
           identify(${JSON.stringify(identify)}),
           rewrite([{ match: /^[0-9a-f:]{17}\\//, replace: '' }]),
           hosts(${JSON.stringify(hosts)}),
           accessLog(),
         ],
       };\n`,
    );
    return serve({ flags: ['--config', config], prefix: wire.prefix, cwd: wire.folder, listeners: 2 });
  }

  const curl = (url: string) => ['curl', '--silent', '--show-error', '--max-time', '20', url];
  const ipv4 = `tftp://${server.ipv4}/boot.cfg`;
  const leases = { leases: ['./dnsmasq.leases'] };

  test('by lease, which counts as soon as the machine has it', async () => {
    await using served = await serving(leases);
    for (const machine of wire.machines) {
      const address = await wire.lease(machine);
      expect(await machine.run(...curl(ipv4))).toBe(`the file of ${machine.mac}\n`);
      const line = await served.logged(({ client, outcome }) => client === address && outcome === 'completed');
      expect(line).toMatchObject({ mac: machine.mac, macSource: 'leases' });
    }
    expect(served.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  test.each<[string, IdentifyOptions, (mac: string) => string, string]>([
    ['the neighbour table, IPv4', { neighbours: true }, () => ipv4, 'neighbours'],
    ['the neighbour table, IPv6', { neighbours: true }, () => `tftp://[${server.ipv6}]/boot.cfg`, 'neighbours'],
    ['name', { filename: true }, (mac) => `tftp://${server.ipv4}/${mac}/boot.cfg`, 'filename'],
  ])('by %s', async (_, identify, url, source) => {
    await using served = await serving(identify);
    for (const machine of wire.machines) await wire.lease(machine);
    for (const { mac, run } of wire.machines) {
      expect(await run(...curl(url(mac)))).toBe(`the file of ${mac}\n`);
      await served.logged((line) => line.mac === mac && line.macSource === source && line.outcome === 'completed');
    }
    expect(served.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  test('by the neighbour table over link-local addresses', async () => {
    await using served = await serving({ neighbours: true });
    for (const { mac, run } of wire.machines) {
      expect(await run(...curl(`tftp://[${server.linkLocal}%25eth0]/boot.cfg`))).toBe(`the file of ${mac}\n`);
      await served.logged((line) => line.mac === mac && line.macSource === 'neighbours' && line.outcome === 'completed');
    }
  });

  test('a machine behind a router is not taken for the router', async () => {
    await using served = await serving({ ...leases, neighbours: true, filename: true });
    expect(await wire.distant.run(...curl(ipv4))).toBe('the file of all others\n');
    const line = await served.logged(({ client, outcome }) => client === '10.79.0.2' && outcome === 'completed');
    expect(line).not.toHaveProperty('mac');
    expect(await wire.distant.run(...curl(`tftp://${server.ipv4}/${macs[1]}/boot.cfg`))).toBe(`the file of ${macs[1]}\n`);
    await served.logged(({ client, macSource }) => client === '10.79.0.2' && macSource === 'filename');
  });

  test('two sources that disagree are named once', async () => {
    await using served = await serving({ ...leases, filename: true });
    const [first] = wire.machines;
    await wire.lease(first!);
    const url = `tftp://${server.ipv4}/${macs[2]}/boot.cfg`;
    for (let time = 0; time < 3; time++) expect(await first!.run(...curl(url))).toBe(`the file of ${macs[0]}\n`);
    const told = served.log.filter(({ msg }) => msg === 'sources disagree about the MAC address');
    expect(told).toEqual([
      expect.objectContaining({ source: 'leases (./dnsmasq.leases)', mac: macs[0], otherSource: 'filename', otherMac: macs[2] }),
    ]);
  });
});
