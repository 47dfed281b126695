/**
 * The blocks of docs/dhcp.md boot every kind of machine: a real dnsmasq, dhcpd and Kea run with them, and are asked as the real clients
 * asked.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { page } from '../kit/docs.ts';
import { describeWith, requireRoot, requireTools } from '../kit/tools.ts';
import { must, Namespaces } from './namespaces.ts';

/** The menu that a Raspberry Pi insists on, as option 43's own options (PXE 2.1 §2.4); Kea writes them in another order. */
const PI_MENU = { 6: '03', 9: '00001452617370626572727920506920426f6f74202020', 10: '00505845' };
/** What a machine of each kind must be told. */
const kinds: readonly [name: string, vector: string, expected: Offer][] = [
  ['a BIOS ROM', 'bios-undionly-discover-67', { file: 'undionly.kpxe', server: '192.168.7.1' }],
  ['iPXE on BIOS', 'bios-ipxe-rom-discover-67-ipxe', { file: 'boot.ipxe', server: '192.168.7.1' }],
  ['x86-64 UEFI', 'ovmf-x64-discover-67', { file: 'snponly.efi', server: '192.168.7.1' }],
  ['iPXE on x86-64 UEFI', 'ovmf-x64-discover-67-ipxe', { file: 'boot.ipxe', server: '192.168.7.1' }],
  ['arm64 UEFI', 'aavmf-arm64-discover-67', { file: 'snponly-arm64.efi', server: '192.168.7.1' }],
  ['a Raspberry Pi', 'rpi-discover-67', { file: '', vendorClass: 'PXEClient', tftpServer: '192.168.7.1', menu: PI_MENU }],
  ['UEFI HTTP Boot', 'ovmf-http-discover-67', { file: '' }],
  ['a phone', 'other-vendor-discover-67', { file: '' }],
];

/** What an answer says about booting. */
interface Offer {
  /** Header field `file`, or option 67. */
  readonly file: string;
  /** `siaddr`. Not looked at where there is no file. */
  readonly server?: string;
  readonly vendorClass?: string;
  /** Option 66. */
  readonly tftpServer?: string;
  /** Options within option 43, in hex. */
  readonly menu?: Readonly<Record<number, string>>;
}

interface Daemon {
  readonly tool: string;
  /** What stands above the block in docs/dhcp.md. */
  readonly heading: string;
  /** Writes the configuration and returns the command that runs it in the foreground. */
  start(block: string, folder: string): Promise<readonly string[]>;
}

const daemons: readonly Daemon[] = [
  {
    tool: 'dnsmasq',
    heading: '### dnsmasq',
    start: async (block, folder) => {
      await writeFile(join(folder, 'dnsmasq.conf'), block);
      const files = [`--dhcp-leasefile=${folder}/leases`, `--pid-file=${folder}/pid`, '--log-facility=-'];
      return ['dnsmasq', '--keep-in-foreground', `--conf-file=${folder}/dnsmasq.conf`, '--user=root', '--no-ping', ...files];
    },
  },
  {
    tool: 'dhcpd',
    heading: '### ISC dhcpd',
    start: async (block, folder) => {
      await writeFile(join(folder, 'dhcpd.conf'), `ping-check false;\n${block}`);
      await writeFile(join(folder, 'leases'), '');
      return ['dhcpd', '-4', '-f', '-cf', `${folder}/dhcpd.conf`, '-lf', `${folder}/leases`, '-pf', `${folder}/pid`, 'eth0'];
    },
  },
  {
    tool: 'kea-dhcp4',
    heading: '### Kea',
    start: async (block, folder) => {
      const config = JSON.parse(block) as { Dhcp4: object };
      const network = { 'interfaces-config': { interfaces: ['eth0'] }, 'lease-database': { type: 'memfile', persist: false } };
      await writeFile(join(folder, 'kea.json'), JSON.stringify({ Dhcp4: { ...network, ...config.Dhcp4 } }));
      return ['env', `KEA_PIDFILE_DIR=${folder}`, `KEA_LOCKFILE_DIR=${folder}`, 'kea-dhcp4', '-c', `${folder}/kea.json`];
    },
  },
];

const discover = fileURLToPath(new URL('discover.ts', import.meta.url));

describeWith('the blocks of docs/dhcp.md', [...requireTools('ip', ...daemons.map(({ tool }) => tool)), requireRoot()], () => {
  describe.each(daemons)('$tool', ({ tool, heading, start }) => {
    let folder: string;
    let network: Namespaces;
    let daemon: ChildProcess;
    const output: string[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'pxe-dhcp-'));
      network = await Namespaces.make('server', 'client');
      await network.cable(
        { machine: 'server', device: 'eth0', addresses: ['192.168.7.2/24'] },
        { machine: 'client', device: 'eth0', addresses: ['192.168.7.200/24'] },
      );
      await network.ip('client', 'route', 'add', '255.255.255.255', 'dev', 'eth0');
      const [program, ...args] = [...network.on('server'), ...(await start(blockUnder(heading), folder))];
      daemon = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      for (const stream of [daemon.stdout!, daemon.stderr!]) stream.on('data', (text) => void output.push(String(text)));
    }, 60_000);

    afterAll(async () => {
      const ended = once(daemon, 'close');
      if (daemon.exitCode === null && daemon.kill('SIGKILL')) await ended;
      await network[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    test.each(kinds)('tells %s what to load', async (_, vector, { file, server, ...options }) => {
      const request = await vectorNamed(vector);
      const answer = (await must([...network.on('client'), process.execPath, discover, request])).trim();
      expect(answer, `${tool} has not answered:\n${output.join('')}`).not.toBe('');
      const offer = readOffer(Buffer.from(answer, 'hex'));
      expect(offer.file).toBe(file);
      if (server !== undefined) expect(offer.server).toBe(server);
      expect(offer).toMatchObject(options);
      if (options.menu === undefined) expect(offer.menu).toBeUndefined();
    });
  });
});

/** The fenced block under a heading of docs/dhcp.md. */
function blockUnder(heading: string): string {
  const text = page('docs/dhcp.md');
  const block = /```\w*\n([\s\S]*?)```/.exec(text.slice(text.indexOf(heading)))?.[1];
  if (block === undefined) throw new Error(`no block under ${heading}`);
  return block;
}

/** A request as a real client sent it, in hex. */
async function vectorNamed(name: string): Promise<string> {
  const text = await readFile(new URL('../data/dhcp-vectors.txt', import.meta.url), 'utf8');
  const line = text.split('\n').find((line) => line.startsWith(`${name} |`));
  if (line === undefined) throw new Error(`no vector ${name}`);
  return line.slice(line.lastIndexOf('|') + 1).trim();
}

/** Reads an answer by RFC 2131 §2 and RFC 2132; none of the servers overloads `file` or `sname`. */
function readOffer(message: Buffer): Offer {
  const options = readOptions(message.subarray(240));
  const text = (bytes: Buffer | undefined) => bytes?.toString('latin1').replace(/\0.*$/s, '');
  const vendorClass = text(options.get(60));
  const tftpServer = text(options.get(66));
  const encapsulated = options.get(43);
  const menu =
    encapsulated && Object.fromEntries([...readOptions(encapsulated)].map(([code, value]) => [code, value.toString('hex')]));
  return {
    file: text(message.subarray(108, 236)) || text(options.get(67)) || '',
    server: [...message.subarray(20, 24)].join('.'),
    ...(vendorClass !== undefined && { vendorClass }),
    ...(tftpServer !== undefined && { tftpServer }),
    ...(menu !== undefined && { menu }),
  };
}

function readOptions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length && bytes[at] !== 255; ) {
    const code = bytes[at++]!;
    if (code === 0) continue;
    const length = bytes[at++]!;
    options.set(code, bytes.subarray(at, at + length));
    at += length;
  }
  return options;
}
