/**
 * `pxe doctor` against real DHCP servers: it names each trap, and with the remedy that it prints in the server's configuration the
 * finding is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { FindingCode } from '../../src/dhcp/doctor/findings.ts';
import { type Brand, type Change, remedyOf } from '../../src/dhcp/doctor/remedies.ts';
import { cli, run } from '../kit/pxe.ts';
import { serve } from '../kit/serve.ts';
import { describeWith, requireRoot, requireTools } from '../kit/tools.ts';
import { Namespaces } from './namespaces.ts';

const ROUTER = '192.168.7.2';
const BOOT = '192.168.7.1';
const OTHER = '192.168.7.3';
/** Machines, each on one port of a switch. */
const MACHINES = { router: ROUTER, boot: BOOT, other: OTHER, client: '192.168.7.200' } as const;

type Machine = keyof typeof MACHINES;

interface Found {
  readonly code: FindingCode;
  readonly severity: string;
  readonly firmware: readonly string[];
  readonly server?: string;
  readonly seen: string;
}

interface Report {
  readonly code: number | null;
  readonly findings: readonly Found[];
  readonly machines: readonly {
    readonly firmware: string;
    readonly choice: string;
    readonly offers: readonly { readonly server: string }[];
    readonly fetched: { readonly kind: string } | null;
  }[];
}

let network: Namespaces;
let folder: string;
let folders = 0;

interface Remedied {
  readonly code: FindingCode;
  readonly firmware: readonly string[];
  /** Whether pxe answers as a proxy beside the server. */
  readonly beside: boolean;
  readonly values: { readonly server?: string; readonly file?: string };
}

const remedied: readonly Remedied[] = [
  { code: 'class-without-option-43', firmware: ['uefi-x64', 'ipxe'], beside: true, values: {} },
  { code: 'router-file-diverts', firmware: ['uefi-x64'], beside: true, values: {} },
  { code: 'ipxe-skips-proxy', firmware: ['ipxe'], beside: true, values: {} },
  { code: 'no-boot-offer', firmware: ['uefi-x64'], beside: false, values: { server: BOOT, file: 'boot.efi' } },
  { code: 'option-66-only', firmware: ['uefi-x64'], beside: false, values: { server: BOOT, file: 'boot.efi' } },
  { code: 'ipxe-loads-itself', firmware: ['ipxe'], beside: false, values: { server: BOOT, file: 'undionly.kpxe' } },
  { code: 'class-with-tail', firmware: ['uefi-x64'], beside: false, values: {} },
];

/** What the server says before: the very lines that the remedy removes, or what it is to add to. */
function wrongOf(code: FindingCode, brand: Brand, { remove = [] }: Change): readonly string[] {
  const ipxe: Partial<Record<Brand, readonly string[]>> = {
    dnsmasq: [`dhcp-boot=undionly.kpxe,,${BOOT}`],
    'ISC dhcpd': [`next-server ${BOOT};`, 'filename "undionly.kpxe";'],
    Kea: [`"next-server": "${BOOT}"`, '"boot-file-name": "undionly.kpxe"'],
  };
  const only66: Partial<Record<Brand, readonly string[]>> = {
    dnsmasq: [`dhcp-option-force=66,${BOOT}`, 'dhcp-option-force=67,boot.efi'],
    'ISC dhcpd': [`option tftp-server-name "${BOOT}";`, 'option bootfile-name "boot.efi";', 'next-server 0.0.0.0;'],
    Kea: [
      `"option-data": [ { "name": "tftp-server-name", "data": "${BOOT}", "always-send": true }, { "name": "boot-file-name", "data": "boot.efi", "always-send": true } ]`,
    ],
  };
  if (code === 'ipxe-loads-itself') return ipxe[brand]!;
  if (code === 'option-66-only') return only66[brand]!;
  // Placeholders of the table: any file and any address but the right ones.
  return remove
    .map((line) => line.replace('OTHER-FILE', 'other.efi').replace('OTHER-SERVER', OTHER))
    .filter((line) => !line.startsWith('pxe-service'));
}

function rightOf(code: FindingCode, brand: Brand, { add = [] }: Change): readonly string[] {
  return code === 'ipxe-loads-itself' && brand === 'ISC dhcpd' ? [`next-server ${BOOT};`, ...add] : add;
}

interface Daemon {
  readonly brand: Brand;
  /** With more lines in its configuration. Returns what stops it. */
  start(lines: readonly string[]): Promise<() => Promise<void>>;
}

const daemons: readonly Daemon[] = [
  { brand: 'dnsmasq', start: (lines) => addresses(...lines) },
  {
    brand: 'ISC dhcpd',
    start: async (lines) => {
      const at = await freshFolder();
      const own = 'option ipxe-encapsulated code 175 = string;';
      const subnet = `subnet 192.168.7.0 netmask 255.255.255.0 { range 192.168.7.50 192.168.7.150;\n${lines.join('\n')}\n}`;
      await writeFile(join(at, 'dhcpd.conf'), `ping-check false;\noption ipxe code 175 = string;\n${own}\n${subnet}`);
      await writeFile(join(at, 'leases'), '');
      const command = ['dhcpd', '-4', '-f', '-cf', `${at}/dhcpd.conf`, '-lf', `${at}/leases`, '-pf', `${at}/pid`, 'eth0'];
      return await background('router', /Sending on/, ...command);
    },
  },
  {
    brand: 'Kea',
    start: async (lines) => {
      const at = await freshFolder();
      const classes = lines.filter((line) => line.startsWith('"client-classes"'));
      const members = lines.filter((line) => !line.startsWith('"client-classes"'));
      const subnet = `{ "id": 1, "subnet": "192.168.7.0/24", "pools": [ { "pool": "192.168.7.50-192.168.7.150" } ]${members.map((line) => `, ${line}`).join('')} }`;
      const common = '"interfaces-config": { "interfaces": ["eth0"] }, "lease-database": { "type": "memfile", "persist": false }';
      await writeFile(join(at, 'kea.json'), `{ "Dhcp4": { ${[common, ...classes, `"subnet4": [ ${subnet} ]`].join(', ')} } }`);
      return await background(
        'router',
        /DHCP4_STARTED/,
        'env',
        `KEA_PIDFILE_DIR=${at}`,
        `KEA_LOCKFILE_DIR=${at}`,
        'kea-dhcp4',
        '-c',
        `${at}/kea.json`,
      );
    },
  },
];

describeWith('pxe doctor', [...requireTools('ip', 'dnsmasq', 'dhcpd', 'kea-dhcp4'), requireRoot()], () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pxe-doctor-'));
    await chmod(folder, 0o755);
    network = await Namespaces.make('switch', ...Object.keys(MACHINES));
    await network.ip('switch', 'link', 'add', 'br0', 'type', 'bridge');
    await network.ip('switch', 'link', 'set', 'br0', 'up');
    for (const [machine, address] of Object.entries(MACHINES)) {
      await network.cable(
        { machine: 'switch', device: `to-${machine}` },
        { machine, device: 'eth0', addresses: [`${address}/24`] },
      );
      await network.ip('switch', 'link', 'set', `to-${machine}`, 'master', 'br0');
    }
  }, 60_000);

  afterAll(async () => {
    await network[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  describe('finds nothing wrong', () => {
    test('where a proxy offers what it serves', async () => {
      await addresses();
      await proxy('boot', 'x86-64_EFI');
      const { code, findings, machines } = await doctor('--firmware', 'uefi-x64');
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(code).toBe(0);
      expect(machines).toMatchObject([{ choice: 'boot-server', fetched: { kind: 'served', bytes: 6000 } }]);
    });

    test('with pxe itself, of what each kind of machine gets', async () => {
      await addresses();
      await pxeOn('boot', {});
      const { code, findings, machines } = await doctor();
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(code).toBe(0);
      const served = machines.filter(({ fetched }) => fetched?.kind === 'served').map(({ firmware }) => firmware);
      expect(served).toEqual(['bios', 'uefi-x64', 'uefi-arm64', 'uefi-http', 'ipxe', 'raspberry-pi']);
    });
  });

  test('does not make pxe change the layout of a machine that it plays', async () => {
    await addresses();
    await pxeOn('boot', {});
    // The fourth DISCOVER in vain would get another layout.
    for (let times = 0; times < 4; times++) {
      const { machines } = await doctor('--mac', '52:54:00:12:34:56', '--firmware', 'uefi-x64');
      expect(machines).toMatchObject([{ choice: 'program', fetched: { kind: 'served' } }]);
    }
  });

  test('escapes what a server sends, on a terminal', async () => {
    await addresses('dhcp-option-force=60,50:58:45:43:6c:69:65:6e:74:1b:5b:32:4a', 'dhcp-option-force=67,61:1b:5b:33:31:6d');
    const { stdout } = await run([...client(), '--timeout', '1', '--firmware', 'uefi-x64']);
    expect(stdout).toContain('error');
    expect(stdout).toContain('\\x1b[2J');
    expect(stdout).not.toContain('\x1b');
  });

  test('asks nothing on an interface with a public address, unless it may', async () => {
    await network.cable({ machine: 'client', device: 'wan0', addresses: ['11.0.0.2/24'] }, { machine: 'switch', device: 'wan1' });
    onTestFinished(async () => void (await network.ip('client', 'link', 'del', 'wan0')));
    const asked = ['doctor', '--interface', 'wan0', '--timeout', '1', '--firmware', 'bios'];
    const refused = await run([...network.on('client'), process.execPath, cli, ...asked]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/wan0 \(11\.0\.0\.2\) has a public address: add --yes/);
    const allowed = await run([...network.on('client'), process.execPath, cli, ...asked, '--yes']);
    expect(allowed.stdout).toContain('no-address-server');
  });

  describe('names the trap', () => {
    test('of a network without addresses', async () => {
      await proxy('boot', 'x86-64_EFI');
      expect(await doctor('--firmware', 'uefi-x64')).toMatchObject({ code: 1, findings: [{ code: 'no-address-server' }] });
    });

    test('of a network on which no server says what to boot', async () => {
      await addresses();
      const { code, findings } = await doctor('--firmware', 'bios', '--firmware', 'uefi-x64');
      expect({ code, findings }).toMatchObject({
        code: 1,
        findings: [{ code: 'no-boot-offer', firmware: ['bios', 'uefi-x64'], server: ROUTER }],
      });
    });

    // DHCP.md's matrix, lines 3 and 9.
    test.each(['ipxe', 'uefi-x64', 'bios'])('of a router with class PXEClient, for %s', async (firmware) => {
      await addresses('dhcp-option-force=60,PXEClient');
      await pxeOn('boot', {});
      const { code, findings } = await doctor('--firmware', firmware);
      expect(code).toBe(1);
      expect(findings).toContainEqual(
        expect.objectContaining({ code: 'class-without-option-43', severity: 'error', server: ROUTER }),
      );
    });

    test('of a router that tells iPXE to ignore proxies', async () => {
      await addresses('dhcp-option-force=encap:175,176,1b');
      await pxeOn('boot', {});
      const { code, findings } = await doctor('--firmware', 'ipxe');
      expect({ code, findings }).toMatchObject({
        code: 1,
        findings: expect.arrayContaining([expect.objectContaining({ code: 'ipxe-skips-proxy', severity: 'error' })]),
      });
    });

    test('of a router with a file of its own beside a proxy', async () => {
      await addresses(`dhcp-boot=other.efi,,${OTHER}`);
      await pxeOn('boot', {});
      const { code, findings, machines } = await doctor('--firmware', 'uefi-x64');
      expect(code).toBe(1);
      expect(findings).toContainEqual(expect.objectContaining({ code: 'router-file-diverts', server: ROUTER }));
      // EDK2 itself takes the proxy's.
      expect(machines).toMatchObject([{ fetched: { kind: 'served' } }]);
    });

    test('of two proxies that disagree', async () => {
      await addresses();
      await proxy('other', 'x86-64_EFI');
      await pxeOn('boot', {});
      const { code, findings } = await doctor('--firmware', 'uefi-x64');
      expect(code).toBe(1);
      const found = findings.find(({ code }) => code === 'two-boot-offers');
      expect(found?.seen).toContain(BOOT);
      expect(found?.seen).toContain(OTHER);
    });

    test('of a boot server that is silent at port 4011', async () => {
      await addresses();
      const stop = await proxy('boot', 'x86-64_EFI', '4011-dropped');
      const { code, findings } = await doctor('--firmware', 'uefi-x64');
      expect({ code, findings }).toMatchObject({
        code: 1,
        findings: expect.arrayContaining([expect.objectContaining({ code: 'boot-server-silent', server: BOOT })]),
      });
      await stop();
    });

    test.each([
      ['loader-not-served', 'absent.efi'],
      ['loader-empty', 'empty.efi'],
    ])('%s', async (expected, file) => {
      await addresses(`dhcp-boot=${file},,${BOOT}`);
      await pxeOn('boot', { tftpOnly: true });
      const { code, findings } = await doctor('--firmware', 'uefi-x64');
      expect({ code, findings }).toMatchObject({ code: 1, findings: [{ code: expected }] });
      expect(findings[0]!.seen).toContain(file);
    });

    test('of a host on which nothing serves TFTP', async () => {
      await addresses(`dhcp-boot=boot.efi,,${BOOT}`);
      expect(await doctor('--firmware', 'uefi-x64')).toMatchObject({ code: 1, findings: [{ code: 'transfer-port-closed' }] });
    });

    test('of transfers that a firewall swallows', async () => {
      await addresses(`dhcp-boot=boot.efi,,${BOOT}`);
      await pxeOn('boot', { tftpOnly: true });
      await network.ip('boot', 'route', 'add', 'blackhole', `${MACHINES.client}/32`);
      onTestFinished(() => network.ip('boot', 'route', 'del', 'blackhole', `${MACHINES.client}/32`).then(() => {}));
      expect(await doctor('--firmware', 'uefi-x64')).toMatchObject({ code: 1, findings: [{ code: 'transfer-silent' }] });
    });

    test('of a link that loses large blocks', async () => {
      await addresses(`dhcp-boot=boot.efi,,${BOOT}`);
      await pxeOn('boot', { tftpOnly: true });
      // The bridge drops what is larger than the link behind it.
      await network.ip('switch', 'link', 'set', 'to-client', 'mtu', '1000');
      onTestFinished(() => network.ip('switch', 'link', 'set', 'to-client', 'mtu', '1500').then(() => {}));
      expect(await doctor('--firmware', 'uefi-x64')).toMatchObject({ code: 1, findings: [{ code: 'large-blocks-lost' }] });
    });

    test('of a switch that drops the offers of a boot server', async () => {
      await addresses();
      // Its port 4011 answers; its offers never come.
      await pxeOn('boot', { dhcp: { bootServerOnly: true } });
      const { code, findings } = await doctor('--firmware', 'uefi-x64', '--server', BOOT);
      expect(code).toBe(1);
      expect(findings).toContainEqual(expect.objectContaining({ code: 'snooping-suspected', server: BOOT }));
    });
  });

  describe.each(daemons)('the remedy for $brand', ({ brand, start }) => {
    test.each(remedied)('of $code', async ({ code, firmware, beside, values }) => {
      const change = remedyOf({ code, severity: 'error', firmware: [], server: ROUTER, seen: '', values }).changes![brand];
      const wrong = wrongOf(code, brand, change);
      const args = firmware.flatMap((name) => ['--firmware', name]);
      if (beside) await pxeOn('boot', {});
      const stop = await start(wrong);
      const before = await doctor(...args);
      expect(before.findings.map((one) => one.code)).toContain(code);
      await stop();
      await start(rightOf(code, brand, change));
      const after = await doctor(...args);
      expect(after.findings.map((one) => one.code)).not.toContain(code);
      // Nor is the network silent.
      expect(after.findings.map((one) => one.code)).not.toContain('no-address-server');
    });
  });
});

async function freshFolder(): Promise<string> {
  const at = join(folder, String(++folders));
  await mkdir(at);
  return at;
}

/** Runs until the test ends, or the returned function is called. */
async function background(machine: Machine, ready: RegExp, ...command: readonly string[]): Promise<() => Promise<void>> {
  const [program, ...args] = [...network.on(machine), ...command];
  const child: ChildProcess = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (text) => {
      output += String(text);
    });
  }
  const ended = once(child, 'close');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(stop);
  await expect.poll(() => output, { timeout: 15_000 }).toMatch(ready);
  return stop;
}

/** A dnsmasq that assigns addresses. */
async function addresses(...lines: readonly string[]): Promise<() => Promise<void>> {
  return await dnsmasq('router', 'dhcp-range=192.168.7.50,192.168.7.150', ...lines);
}

/** A dnsmasq that is a proxy, and serves what it offers. */
async function proxy(machine: Machine, kind: string, fault?: '4011-dropped'): Promise<() => Promise<void>> {
  const root = await freshFolder();
  await writeFile(join(root, 'loader.efi'), Buffer.alloc(6000, 'x'));
  const stop = await dnsmasq(
    machine,
    'dhcp-range=192.168.7.0,proxy',
    `pxe-service=${kind},"Boot",loader.efi`,
    'enable-tftp',
    `tftp-root=${root}`,
  );
  if (fault === undefined) return stop;
  // A TC filter would need modules: the way back to the client is taken away instead, which leaves broadcasts alone.
  await network.ip(machine, 'route', 'add', 'blackhole', `${MACHINES.client}/32`);
  const restore = async () => void (await network.ip(machine, 'route', 'del', 'blackhole', `${MACHINES.client}/32`));
  onTestFinished(restore);
  return stop;
}

async function dnsmasq(machine: Machine, ...lines: readonly string[]): Promise<() => Promise<void>> {
  const at = await freshFolder();
  await writeFile(join(at, 'dnsmasq.conf'), ['port=0', ...lines, ''].join('\n'));
  const files = [`--dhcp-leasefile=${at}/leases`, `--pid-file=${at}/pid`, '--log-facility=-', '--user=root', '--no-ping'];
  return await background(machine, /started/, 'dnsmasq', '--keep-in-foreground', `--conf-file=${at}/dnsmasq.conf`, ...files);
}

/** pxe, which serves a loader for each kind of machine. */
async function pxeOn(machine: Machine, { tftpOnly = false, dhcp = {} }: { tftpOnly?: boolean; dhcp?: object }): Promise<void> {
  const at = await freshFolder();
  const root = join(at, 'root');
  await mkdir(root);
  const names = ['boot.efi', 'boot.ipxe', 'undionly.kpxe', 'bootcode.bin'];
  for (const name of names) await writeFile(join(root, name), Buffer.alloc(6000, name));
  await writeFile(join(root, 'empty.efi'), '');
  await writeFile(
    join(at, 'pxe.config.ts'),
    `import { definePlugin } from 'pxe';
     const names = { ipxe: 'boot.ipxe', bios: 'undionly.kpxe', 'raspberry-pi': 'bootcode.bin' };
     const boot = definePlugin({ name: 'boot', setup: () => ({ boot: ({ client }) => names[client.firmware] ?? 'boot.efi' }) });
     export default { rootDir: './root', ${tftpOnly ? '' : `dhcp: ${JSON.stringify(dhcp)}, http: {},`} plugins: [${tftpOnly ? '' : 'boot()'}] };\n`,
  );
  const server = await serve({ flags: ['--config', join(at, 'pxe.config.ts')], prefix: network.on(machine), cwd: at });
  onTestFinished(() => server[Symbol.asyncDispose]());
  await server.logged(({ msg }) => msg === 'ready', 15_000);
}

/** The doctor, on the client's machine. */
function client(): readonly string[] {
  return [...network.on('client'), process.execPath, cli, 'doctor', '--interface', 'eth0'];
}

/** Asks from the client, as long as a busy machine takes to answer. */
async function doctor(...flags: readonly string[]): Promise<Report> {
  const { code, stdout, stderr } = await run([
    ...network.on('client'),
    process.execPath,
    cli,
    'doctor',
    '--interface',
    'eth0',
    '--timeout',
    '2',
    '--json',
    ...flags,
  ]);
  if (stdout === '') throw new Error(`doctor ended with ${code}: ${stderr}`);
  const { networks } = JSON.parse(stdout) as { networks: [{ findings: Found[]; machines: Report['machines'] }] };
  return { code, findings: networks[0].findings, machines: networks[0].machines };
}
