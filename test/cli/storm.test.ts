/** `pxe storm` as a user has it, against a server in this process. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder, type Lab, lab, until } from '../kit/lab.ts';
import { cli, pxe, run, start } from '../kit/pxe.ts';
import { seeded } from '../kit/random.ts';
import { freePort, serve } from '../kit/serve.ts';
import { describeWith, requireIpv6, requireTools } from '../kit/tools.ts';

const url = ({ address }: Lab, names: string) =>
  `tftp://${address.address.includes(':') ? `[${address.address}]` : address.address}:${address.port}/${names}`;

async function stormLab(address = '127.0.0.1') {
  const server = await lab({ tftp: { listen: [{ address, port: 0 }] } });
  server.put('ROOT/boot.efi', seeded(41).bytes(70_000));
  server.put('ROOT/initrd', seeded(42).bytes(150_000));
  return server;
}

const latency = { p50: expect.any(Number), p90: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) };

describe.each(['native', 'portable'])('over %s', (transport) => {
  const skipped = transport === 'native' && (process.platform !== 'linux' || process.arch !== 'x64');

  test.skipIf(skipped)('every kind boots, each byte is compared, and the result is JSON', async () => {
    const at = await stormLab();
    const flags = ['--clients', '12', '--boots', '24', '--verify', at.root, '--seed', '7', '--transport', transport, '--json'];
    const { code, stdout, stderr } = await pxe(['storm', url(at, 'boot.efi,initrd'), ...flags]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      seed: 7,
      clients: 12,
      ms: expect.any(Number),
      boots: { asked: 24, completed: 24, failed: 0, unfinished: 0 },
      requests: { completed: 48, probed: 8, absent: 44, failed: 0 },
      bytes: 24 * 220_000,
      megabytesPerSecond: expect.any(Number),
      requestsPerSecond: expect.any(Number),
      bootMs: latency,
      transferMs: latency,
      firstByteMs: latency,
      sentAgain: expect.any(Number),
      receivedAgain: expect.any(Number),
      faults: { lost: 0, duplicated: 0, reordered: 0 },
      failures: {},
      failedProfiles: {},
      transport,
      generatorCpuSeconds: expect.any(Number),
    });
    expect(at.ended.filter(({ outcome }) => outcome === 'probed')).toHaveLength(8);
  });

  test.skipIf(skipped)('a bad network loses no byte', async () => {
    const at = await stormLab();
    const faults = ['--loss', '0.01', '--duplicate', '0.02', '--reorder', '0.02', '--seed', '11'];
    const flags = ['--clients', '6', '--profile', 'edk2', '--verify', at.root, '--transport', transport, '--json', ...faults];
    const { code, stdout } = await pxe(['storm', url(at, 'initrd'), url(at, 'boot.efi'), ...flags]);
    const result = JSON.parse(stdout);
    expect({ code, failures: result.failures }).toEqual({ code: 0, failures: {} });
    expect(result.faults.lost).toBeGreaterThan(0);
    expect(result.faults.duplicated).toBeGreaterThan(0);
    expect(result.faults.reordered).toBeGreaterThan(0);
  });

  test.skipIf(skipped)('nobody there: it ends when told to, and says how far it came', async () => {
    const port = await freePort();
    const flags = ['--clients', '3', '--profile', 'ipxe', '--max-seconds', '1', '--transport', transport, '--json'];
    const { code, stdout } = await pxe(['storm', `tftp://127.0.0.1:${port}/x`, ...flags]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ boots: { asked: 3, completed: 0, failed: 0, unfinished: 3 }, bytes: 0 });
  });
});

test('failures are told by reason, and end with 1', async () => {
  const at = await stormLab();
  const { code, stdout } = await pxe(['storm', url(at, 'absent-{n}'), '--clients', '3', '--profile', 'grub']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^boots +0 of 3 completed, 3 failed, in .* s, seed \d+$/m);
  expect(stdout).toMatch(/^failed +3: ERROR 1: /m);
  expect(at.ended.map(({ request }) => request.asked).sort()).toEqual(['absent-1', 'absent-2', 'absent-3']);
});

test('a missing file may be an answer; what is told fits a person', async () => {
  const at = await stormLab();
  const { code, stdout, stderr } = await pxe([
    'storm',
    url(at, 'absent,boot.efi'),
    '--clients',
    '2',
    '-p',
    'rpi',
    '--allow-absent',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^requests +2 completed, 2 absent; [\d.]+ per second$/m);
  expect(stdout).toMatch(/^transfer +median [\d.]+ ms, p90 [\d.]+, p99 [\d.]+, longest [\d.]+$/m);
});

test('bytes that differ from the local file are a failure', async () => {
  const at = await stormLab();
  at.put('copy/boot.efi', seeded(43).bytes(70_000));
  const { code, stdout } = await pxe([
    'storm',
    url(at, 'boot.efi'),
    '--clients',
    '1',
    '-p',
    'uboot',
    '--verify',
    join(at.path, 'copy'),
  ]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^failed +1: wrong bytes$/m);
});

describe('what is refused, without a packet sent', () => {
  test.each<[flags: readonly string[], told: RegExp]>([
    [['--clients', '101'], /101 clients at a time, more than 100\n.*--yes\n.*--clients, --boots, --arrival/],
    [['--boots', '501', '-p', 'ipxe'], /up to 501 requests within a second, more than 500\n.*--yes/],
    [['--clients', '100000', '--yes'], /100000 clients need 100000 sockets.*ulimit -n 100064.*fewer --clients/],
    [['--verify', 'nowhere'], /--verify: cannot compare boot\.efi: ENOENT/],
  ])('%j', async (flags, told) => {
    const at = await stormLab();
    const { code, stdout, stderr } = await run([
      'sh',
      '-c',
      'ulimit -n 4096; exec "$@"',
      'sh',
      process.execPath,
      cli,
      'storm',
      url(at, 'boot.efi'),
      ...flags,
    ]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(told);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(at.started).toEqual([]);
  });

  test('unless it is said to be wanted', async () => {
    const at = await stormLab();
    const { code } = await pxe(['storm', url(at, 'boot.efi'), '--clients', '120', '-p', 'ipxe', '--yes']);
    expect(code).toBe(0);
    // The last client is done before the server has counted its last ACK.
    await until(() => at.ended.length === 120, 'end of all transfers');
  });
});

test('a signal ends it, and what was done is told', async () => {
  const at = await stormLab();
  const flags = ['--clients', '2', '--boots', '100', '-p', 'ipxe', '--arrival', 'uniform', '--over', '60000', '--json'];
  await using storm = start([process.execPath, cli, 'storm', url(at, 'boot.efi'), ...flags]);
  // By the second end the storm has certainly noticed the first.
  await until(() => at.ended.length > 1, 'end of two transfers', 20_000);
  storm.kill('SIGINT');
  expect(await storm.ended).toEqual({ code: 1, signal: null });
  const { boots } = JSON.parse(storm.stdout);
  expect(boots.completed).toBeGreaterThan(0);
  expect(boots.completed + boots.failed + boots.unfinished).toBe(100);
});

describeWith('IPv6', [requireIpv6()], () => {
  test.each(['auto', 'portable'])('%s', async (transport) => {
    const at = await stormLab('::1');
    const { code, stdout } = await pxe([
      'storm',
      url(at, 'initrd'),
      '--clients',
      '4',
      '--transport',
      transport,
      '--verify',
      at.root,
    ]);
    expect(stdout).toMatch(/^boots +4 of 4 completed/m);
    expect(code).toBe(0);
  });
});

describeWith('on a terminal', requireTools('script'), () => {
  test('progress is shown as it goes', async () => {
    const at = await stormLab();
    const flags = '--clients 2 --boots 40 -p ipxe --arrival uniform --over 1500';
    const command = `exec '${process.execPath}' '${cli}' storm '${url(at, 'boot.efi')}' ${flags}`;
    const { code, stdout } = await run(['script', '-qec', command, '/dev/null'], { cwd: at.path });
    expect(code).toBe(0);
    expect(stdout).toMatch(/\d s {2}\d+ of 40 boots {2}\d+ under way {2}[\d.]+ MB\/s {2}0 failed/);
    expect(stdout).toMatch(/boots +40 of 40 completed/);
  });
});

test("--hosts plays the config's own machines: each from the address that hosts lists, under its MAC address and name", async () => {
  const at = folder();
  at.put('ROOT/boot.efi', 'for anybody');
  at.put('ROOT/web1/boot.efi', 'for web1');
  at.put('ROOT/web2/boot.efi', 'for web2');
  at.put('ROOT/extra-web1', '');
  at.put('ROOT/extra-web2', '');
  const port = await freePort();
  const config = at.put(
    'pxe.config.ts',
    `import { accessLog, hosts, identify } from 'pxe/plugins';
     export default {
       rootDir: './ROOT', stableMs: 0, tftp: { listen: [{ address: '127.0.0.1', port: ${port} }] },
       plugins: [
         identify({ table: { '127.0.0.21': '52:54:00:aa:00:01' } }),
         hosts({
           '52:54:00:aa:00:01': { name: 'web1', folder: 'web1' },
           '127.0.0.22': { name: 'web2', folder: 'web2' },
         }),
         accessLog(),
       ],
     };\n`,
  );
  await using server = await serve({ flags: ['--config', config], cwd: at.path });
  const files = `tftp://127.0.0.1:${port}/boot.efi,extra-{host}`;
  const { code, stdout, stderr } = await pxe(['storm', files, '--hosts', '--config', config, '--profile', 'ipxe', '--json']);
  expect(code, stdout).toBe(0);
  // Its address is in the table of `identify` only, which storm does not ask.
  expect(stderr).toBe(
    "pxe: 1 of 2 machines (web1) send from this computer's own address, because the config lists none of its addresses for them\n",
  );
  expect(JSON.parse(stdout)).toMatchObject({ clients: 2, boots: { asked: 2, completed: 2 } });
  const served = async (client: string) =>
    (await server.logged((line) => line.client === client && line.outcome === 'completed')).served;
  expect(await served('127.0.0.22')).toBe('web2/boot.efi');
});

test('--hosts of a config without machines says so', async () => {
  const at = folder();
  const config = at.put('pxe.config.ts', "export default { rootDir: '.' };\n");
  const { code, stderr } = await pxe(['storm', 'tftp://127.0.0.1:6969/x', '--hosts', '--config', config]);
  expect(stderr).toMatch(/--hosts: the config lists no machines/);
  expect(code).toBe(2);
});
