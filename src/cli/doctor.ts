/**
 * `pxe doctor`: asks the network as machines that boot do, and says why they do not.
 */
import { randomBytes } from 'node:crypto';
import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { parseMac } from '../base/mac.ts';
import { judge } from '../dhcp/doctor/judge.ts';
import { type ProbeName, probeNames, probes } from '../dhcp/doctor/probes.ts';
import { type Host, survey } from '../dhcp/doctor/survey.ts';
import { nativeUnavailableReason } from '../net/native/libc.ts';
import { nativeWireSockets } from '../net/native/wire-sockets.ts';
import { codeOf } from '../net/unbindable.ts';
import { portableWireSockets, type Wire } from '../net/wire-sockets.ts';
import { fetchProgram } from './doctor-fetch.ts';
import { type Examined, reportJson, reportText } from './doctor-report.ts';
import { EXIT, ExitError } from './exit.ts';
import { whole } from './number.ts';
import { isColoured } from './painting.ts';
import { jsonOption } from './settings.ts';
import { visible } from './terminal.ts';

interface DoctorFlags {
  readonly interface?: readonly string[];
  readonly firmware?: readonly ProbeName[];
  readonly mac?: readonly number[];
  readonly server?: readonly string[];
  readonly timeout: number;
  readonly yes: boolean;
  readonly json?: boolean;
}

/** dnsmasq and dhcpd look for up to 3 s whether an address is in use before they offer it. */
const DEFAULT_SECONDS = 5;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('ask the network as booting machines do, and say why one does not boot')
    .addOption(
      new Option(
        '-i, --interface <name>',
        'network interface to ask on; repeatable; default: each with an IPv4 address',
      ).argParser(collect<string>(String)),
    )
    .addOption(
      new Option(
        '-f, --firmware <name>',
        `kind of machine to imitate: ${probeNames.join(', ')}; repeatable; default: all`,
      ).argParser(collect<ProbeName>(parseProbe)),
    )
    .addOption(
      new Option(
        '-m, --mac <address>',
        "ask as this machine; give exactly one --firmware, which is the machine's; default: locally administered addresses",
      ).argParser(parseMacFlag),
    )
    .addOption(
      new Option('-s, --server <address>', 'boot server that should answer; asked at port 4011; repeatable').argParser(
        collect<string>(parseServer),
      ),
    )
    .addOption(
      new Option('-t, --timeout <seconds>', 'how long to wait for answers').default(DEFAULT_SECONDS).argParser(whole(1, 60)),
    )
    .option('-y, --yes', 'ask also on an interface with a public address', false)
    .addOption(jsonOption('print the result as JSON'))
    .addHelpText(
      'after',
      `
It broadcasts DHCPDISCOVERs, asks port 4011 of the servers that send machines there, and loads by TFTP or HTTP what is offered.
It takes no address. Port 68 needs root (or CAP_NET_BIND_SERVICE). pxe itself need not run.

Examples:
  pxe doctor
  pxe doctor --interface eth1 --firmware uefi-x64 --mac 52:54:00:12:34:56

Exit codes: 0 no errors found; 1 errors found; 2 invalid arguments, or --yes is needed; 3 port 68 cannot be used.`,
    )
    .action(doctor);
}

async function doctor(flags: DoctorFlags): Promise<void> {
  // A server limits the requests of one machine, and counts those that lead to nothing.
  if (flags.mac && flags.firmware?.length !== 1)
    throw new ExitError(EXIT.usage, '--mac needs the firmware of that machine: add one --firmware');
  const wires = wiresOf(flags.interface);
  await confirm(wires, flags.yes);
  const progress = progressLine();
  const examined: Examined[] = [];
  try {
    for (const wire of wires) examined.push(await examine(wire, flags, progress.show));
  } finally {
    progress.clear();
  }
  const text = flags.json
    ? `${JSON.stringify(reportJson(examined))}\n`
    : reportText(examined, isColoured(process.stdout, process.env));
  process.stdout.write(text);
  if (examined.some(({ findings }) => findings.some(({ severity }) => severity === 'error'))) process.exitCode = EXIT.failed;
}

async function examine(wire: Wire, flags: DoctorFlags, onProgress: Host['onProgress']): Promise<Examined> {
  const { firmware, mac, server: servers = [], timeout } = flags;
  const host: Host = {
    sockets: nativeUnavailableReason() === undefined ? nativeWireSockets : portableWireSockets,
    clock: systemClock,
    random: (bytes) => randomBytes(bytes),
    fetch: (program) => fetchProgram(program, wire.address),
    onProgress,
  };
  const settings = { wire, probes: (firmware ?? probeNames).map((name) => probes[name]), mac, servers, waitMs: timeout * 1000 };
  const experiences = await survey(settings, host).catch((error: unknown) => {
    throw explained(error, wire, host);
  });
  const findings = judge(experiences, { named: firmware !== undefined, servers });
  return { device: wire.device, address: wire.address, experiences, findings };
}

function explained(error: unknown, { device }: Wire, { sockets }: Host): unknown {
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EPERM') {
    const remedy = 'run it as root, or give node CAP_NET_BIND_SERVICE';
    return new ExitError(EXIT.listen, `answers come to port 68 of ${device}, which needs root: ${remedy}`, { cause: error });
  }
  if (code !== 'EADDRINUSE') return error;
  const holder = sockets.holder(68) ?? 'another process';
  return new ExitError(
    EXIT.listen,
    `port 68 of ${device} is held by ${holder}, which does not share it: stop it for the moment`,
    {
      cause: error,
    },
  );
}

/** Each interface with its first IPv4 address. */
function wiresOf(names: readonly string[] | undefined): readonly Wire[] {
  const found = Object.entries(networkInterfaces()).flatMap(([device, addresses = []]) => {
    const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
    return own ? [{ device, address: own.address }] : [];
  });
  const there = found.map(({ device }) => device).join(', ') || 'none';
  const absent = names?.find((name) => !found.some(({ device }) => device === name));
  if (absent !== undefined)
    throw new ExitError(EXIT.usage, `no interface "${visible(absent)}" has an IPv4 address; interfaces that have one: ${there}`);
  if (found.length === 0)
    throw new ExitError(EXIT.usage, 'no interface has an IPv4 address: give one any address, and ask again');
  return names === undefined ? found : found.filter(({ device }) => names.includes(device));
}

/** Another's network must not be asked by mistake. */
async function confirm(wires: readonly Wire[], isConfirmed: boolean): Promise<void> {
  const open = wires.filter(({ address }) => !LOCAL.check(address)).map(({ device, address }) => `${device} (${address})`);
  if (isConfirmed || open.length === 0) return;
  const what = `${open.join(', ')} has a public address`;
  if (process.stdin.isTTY && process.stderr.isTTY) {
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await prompt.question(`${what}. Broadcast DHCP requests there? [y/N] `);
      if (/^y(?:es)?$/i.test(answer.trim())) return;
    } finally {
      prompt.close();
    }
    throw new ExitError(EXIT.usage, 'nothing was sent');
  }
  throw new ExitError(EXIT.usage, `${what}: add --yes if the network is yours, or name others with --interface`);
}

/** Private (RFC 1918), link-local (RFC 3927), shared (RFC 6598) and benchmarking (RFC 2544) addresses. */
const LOCAL = new BlockList();
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
  ['198.18.0.0', 15],
] as const)
  LOCAL.addSubnet(network, bits);

/** One line on standard error that rewrites itself; nothing in a pipe. */
function progressLine(): { readonly show: (step: string) => void; clear(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  const width = process.stderr.columns ?? 80;
  return {
    show: (step) => void process.stderr.write(`\r\x1b[K${visible(step).slice(0, width - 1)}`),
    clear: () => void process.stderr.write('\r\x1b[K'),
  };
}

function collect<T>(parse: (text: string) => T): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, parse(text)];
}

function parseProbe(text: string): ProbeName {
  const name = probeNames.find((one) => one === text);
  if (name === undefined) throw new InvalidArgumentError(`expected one of ${probeNames.join(', ')}`);
  return name;
}

function parseServer(text: string): string {
  if (!/^(?:\d{1,3}\.){3}\d{1,3}$/.test(text) || text.split('.').some((octet) => Number(octet) > 255))
    throw new InvalidArgumentError('expected an IPv4 address such as 192.168.7.1');
  return text;
}

function parseMacFlag(text: string): readonly number[] {
  const mac = parseMac(text);
  if (mac === undefined) throw new InvalidArgumentError('expected a MAC address such as 52:54:00:12:34:56');
  return mac.split(':').map((octet) => Number.parseInt(octet, 16));
}
