/**
 * `pxe storm`: simulates many machines that boot at once, to test a server.
 */
import { networkInterfaces } from 'node:os';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { descriptorLimit } from '../net/rights.ts';
import { withGeneration } from '../server/create.ts';
import type { AskedOptions } from '../tftp/client/options.ts';
import type { Remote } from '../tftp/client/url.ts';
import { arrivals, CURVES, type Curve } from '../tftp/storm/arrival.ts';
import { demandOf, excess } from '../tftp/storm/demand.ts';
import { Expected } from '../tftp/storm/expected.ts';
import { locateFiles, parseFiles } from '../tftp/storm/files.ts';
import { type Identity, identitiesOf, isPerMachine } from '../tftp/storm/identity.ts';
import { PROFILE_NAMES, type ProfileName } from '../tftp/storm/profile.ts';
import { seededRandom } from '../tftp/storm/random.ts';
import { resultOf, type StormResult } from '../tftp/storm/result.ts';
import { type StormRun, startStorm } from '../tftp/storm/run.ts';
import { STORM_LIMITS, type StormPlan } from '../tftp/storm/storm.ts';
import type { Latency } from '../tftp/storm/tally.ts';
import { EXIT, ExitError } from './exit.ts';
import { whole } from './number.ts';
import { configOption, jsonOption, loadSettings } from './settings.ts';
import { byteCount, visible } from './terminal.ts';

interface StormFlags {
  readonly hosts: boolean;
  readonly config?: string;
  readonly clients?: number;
  readonly boots?: number;
  readonly profile: ProfileName | 'mixed';
  readonly arrival: Curve;
  readonly over: number;
  readonly blksize?: number;
  readonly windowsize?: number;
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  readonly seed?: number;
  readonly verify?: string;
  readonly allowAbsent: boolean;
  readonly localAddress?: string;
  readonly transport: 'auto' | 'native' | 'portable';
  readonly maxSeconds: number;
  readonly yes: boolean;
  readonly json?: boolean;
}

/** Descriptors of the process besides those of its clients. */
const OTHER_DESCRIPTORS = 64;
const PROGRESS_MS = 250;
const DEFAULT_CLIENTS = 10;

export function stormCommand(): Command {
  return new Command('storm')
    .description('simulate many machines that boot at once, and report how the server performed')
    .addArgument(urlsArgument())
    .option('--hosts', "simulate the config's machines, each from its own address if this computer has it", false)
    .addOption(configOption())
    .addOption(
      new Option('-n, --clients <number>', 'machines that boot at the same time; default: 10, or all with --hosts').argParser(
        whole(1, 100_000),
      ),
    )
    .addOption(
      new Option('--boots <number>', 'total number of boots; default: one for each client').argParser(whole(1, 100_000_000)),
    )
    .addOption(
      new Option('-p, --profile <kind>', 'kind of boot client to simulate').choices([...PROFILE_NAMES, 'mixed']).default('mixed'),
    )
    .addOption(new Option('--arrival <curve>', 'how power-ons are distributed').choices(CURVES).default('all'))
    .addOption(new Option('--over <ms>', 'spread power-ons over this many ms').default(10_000).argParser(whole(1, 86_400_000)))
    .addOption(new Option('-b, --blksize <bytes>', "ask for this block size instead of the profile's").argParser(whole(8, 65464)))
    .addOption(
      new Option('-w, --windowsize <blocks>', "ask for this window size instead of the profile's").argParser(whole(1, 65535)),
    )
    .addOption(new Option('--loss <share>', 'share of datagrams to drop, in each direction').default(0).argParser(share))
    .addOption(
      new Option('--duplicate <share>', 'share of datagrams to duplicate, in each direction').default(0).argParser(share),
    )
    .addOption(
      new Option('--reorder <share>', 'share of datagrams to delay by up to 20 ms, in each direction')
        .default(0)
        .argParser(share),
    )
    .addOption(new Option('--seed <number>', 'random seed, to repeat a storm').argParser(whole(0, 2 ** 32 - 1)))
    .addOption(new Option('--verify <folder>', 'compare every byte with the files in this folder'))
    .option('--allow-absent', 'do not count a missing file (ERROR 1) as a failure', false)
    .addOption(new Option('--local-address <address>', 'local address to send from'))
    .addOption(
      new Option('--transport <kind>', 'transport that sends the datagrams')
        .choices(['auto', 'native', 'portable'])
        .default('auto'),
    )
    .addOption(
      new Option('--max-seconds <number>', 'end the storm after this many seconds').default(120).argParser(whole(1, 86_400)),
    )
    .option(
      '-y, --yes',
      'confirm that the server is yours; needed for more than 100 clients, or 500 requests within a second',
      false,
    )
    .addOption(jsonOption('print the result as JSON'))
    .addHelpText(
      'after',
      `
Each machine loads all files in order; give several URLs, or several names separated by commas. In a name, {n}, {mac}, {host} and
{serial} stand for the machine's number, MAC address, name and serial number. "mixed" uses all kinds of clients in turn. A storm
works against any TFTP server; use it only on your own network.

With --hosts, each machine sends from its own address, which on loopback is one in 127.0.0.0/8. The address must be listed in
hosts, as in a row with mac and address; an address that only identify({ table }) knows is not used.

Examples:
  pxe storm tftp://192.168.7.1/ipxe.efi,boot.ipxe,initrd.img --clients 50 --profile edk2
  pxe storm tftp://127.0.0.1:6969/initrd.img --clients 1000 --arrival wave --over 5000 --yes
  pxe storm tftp://127.0.0.1:6969/boot.ipxe,{host}/kernel --hosts --config lab/pxe.config.ts
  pxe storm tftp://127.0.0.1:6969/initrd.img --loss 0.01 --reorder 0.01 --seed 7 --verify ./tftpboot --json

Exit codes: 0 every boot completed; 1 some did not; 2 invalid arguments, or a storm that needs --yes.`,
    )
    .action(storm);
}

async function storm(urls: readonly string[], flags: StormFlags): Promise<void> {
  const remotes = urls.flatMap(parseFiles);
  const { files, family } = await locateFiles(remotes, flags.localAddress).catch((error: Error) => {
    throw new ExitError(EXIT.failed, error.message, { cause: error });
  });
  const plan = planOf(files, flags, flags.hosts ? await listedMachines(flags) : []);
  refuseExcess(plan, flags.yes);
  const { localAddress, transport } = flags;
  const run = startStorm(plan, { family, localAddress, transport, expected: expectedFiles(remotes, flags.verify) });
  const interrupt = () => run.stop();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const cpu = process.cpuUsage();
  const stopProgress = showProgress(run);
  try {
    await run.ended;
  } catch (error) {
    throw explainPortError(error, plan);
  } finally {
    stopProgress();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  const result = resultOf(run.storm, performance.now());
  const { user, system } = process.cpuUsage(cpu);
  const told = { ...result, transport: run.transport, generatorCpuSeconds: (user + system) / 1e6 };
  process.stdout.write(flags.json ? `${JSON.stringify(told)}\n` : summary(told));
  if (result.boots.completed < result.boots.asked) process.exitCode = EXIT.failed;
}

/** The machines that the config lists. */
async function listedMachines(flags: StormFlags): Promise<readonly Identity[]> {
  const { config } = await loadSettings(flags.config === undefined ? {} : { config: flags.config });
  const machines = await withGeneration(config, ({ pipeline }) => pipeline.machines());
  if (machines.length === 0) throw new ExitError(EXIT.usage, '--hosts: the config lists no machines');
  const own = new Set(Object.values(networkInterfaces()).flatMap((found) => found?.map(({ address }) => address) ?? []));
  // Linux answers at all addresses of 127.0.0.0/8.
  const loopback = process.platform === 'linux' ? /^127\./ : /^127\.0\.0\.1$/;
  const identities = identitiesOf(machines, (address) => loopback.test(address) || own.has(address));
  const elsewhere = identities.filter(({ localAddress }) => localAddress === undefined);
  if (elsewhere.length > 0) process.stderr.write(`pxe: ${elsewhereText(elsewhere, machines.length)}\n`);
  return identities;
}

/** The server sees one address for all these machines, so it may confuse them. */
function elsewhereText(machines: readonly Identity[], all: number): string {
  const [first] = machines;
  const others = machines.length > 1 ? ' and others' : '';
  return `${machines.length} of ${all} machines (${visible(first!.host)}${others}) send from this computer's own address, because the config lists none of its addresses for them`;
}

function planOf(files: StormPlan['files'], flags: StormFlags, machines: readonly Identity[]): StormPlan {
  const {
    clients = machines.length || DEFAULT_CLIENTS,
    boots = clients,
    profile,
    arrival,
    over,
    blksize,
    windowsize,
    loss,
    duplicate,
    reorder,
  } = flags;
  const seed = flags.seed ?? Math.floor(Math.random() * 2 ** 32);
  const options: AskedOptions = {
    ...(blksize === undefined ? {} : { blockSize: blksize }),
    ...(windowsize === undefined ? {} : { windowSize: windowsize }),
  };
  return {
    files,
    machines,
    arrivals: arrivals(arrival, boots, over, seededRandom(seed)),
    clients,
    profiles: profile === 'mixed' ? PROFILE_NAMES : [profile],
    options,
    faults: { loss, duplication: duplicate, reordering: reorder },
    allowAbsent: flags.allowAbsent,
    limits: STORM_LIMITS,
    seed,
    maxMs: flags.maxSeconds * 1000,
  };
}

function refuseExcess(plan: StormPlan, allowed: boolean): void {
  const limit = descriptorLimit();
  const { clients } = demandOf(plan);
  if (clients + OTHER_DESCRIPTORS > limit) {
    throw new ExitError(
      EXIT.usage,
      `${clients} clients need ${clients} sockets, but this process may open only ${limit}: raise the limit (ulimit -n ${clients + OTHER_DESCRIPTORS}), or use fewer --clients`,
    );
  }
  const reason = excess(demandOf(plan));
  if (reason === undefined || allowed) return;
  throw new ExitError(
    EXIT.usage,
    `this storm has ${reason}
  if the server and the network are yours:  add --yes
  or make it smaller:                       --clients, --boots, --arrival uniform --over MS`,
  );
}

function expectedFiles(remotes: readonly Remote[], folder: string | undefined): Expected | undefined {
  if (folder === undefined) return undefined;
  const expected = new Expected(folder);
  for (const { name } of remotes.filter(({ name }) => !isPerMachine(name))) {
    try {
      expected.load(name);
    } catch (error) {
      throw new ExitError(EXIT.usage, `--verify: cannot compare ${name}: ${(error as Error).message}`, { cause: error });
    }
  }
  return expected;
}

function explainPortError(error: unknown, { clients }: StormPlan): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EMFILE' || code === 'ENFILE')
    return new ExitError(
      EXIT.usage,
      `the system allows no more sockets (${code}): raise ulimit -n, or use fewer than ${clients} --clients`,
    );
  if (code === undefined) return error;
  return new ExitError(EXIT.failed, `cannot open a socket: ${(error as Error).message}`, { cause: error });
}

/** One line on standard error that rewrites itself; nothing in a pipe. */
function showProgress({ storm }: StormRun): () => void {
  if (!process.stderr.isTTY) return () => {};
  let before = { at: performance.now(), bytes: 0 };
  const timer = setInterval(() => {
    const now = performance.now();
    const { boots, bytes, sentAgain, receivedAgain } = storm.tally;
    const rate = (bytes - before.bytes) / 1000 / (now - before.at);
    before = { at: now, bytes };
    const parts = [
      `${(storm.elapsedMs(now) / 1000).toFixed(1)} s`,
      `${boots.completed} of ${storm.plan.arrivals.length} boots`,
      `${storm.running} under way`,
      `${rate.toFixed(1)} MB/s`,
      `${boots.failed} failed`,
      `resent ${sentAgain}, received again ${receivedAgain}`,
    ];
    process.stderr.write(`\r\x1b[K${parts.join('  ')}`);
  }, PROGRESS_MS);
  return () => {
    clearInterval(timer);
    process.stderr.write('\r\x1b[K');
  };
}

function summary(result: StormResult & { readonly transport: string; readonly generatorCpuSeconds: number }): string {
  const { boots, requests, bytes, ms, faults } = result;
  const kinds = Object.entries(requests).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : []));
  const unfinished = boots.unfinished > 0 ? `, ${boots.unfinished} unfinished` : '';
  const lines = [
    `boots         ${boots.completed} of ${boots.asked} completed, ${boots.failed} failed${unfinished}, in ${(ms / 1000).toFixed(2)} s, seed ${result.seed}`,
    `requests      ${kinds.join(', ') || 'none'}; ${result.requestsPerSecond} per second`,
    `bytes         ${byteCount(bytes)}, ${result.megabytesPerSecond} MB/s`,
    `boot          ${latency(result.bootMs)}`,
    `transfer      ${latency(result.transferMs)}`,
    `first byte    ${latency(result.firstByteMs)}`,
    `repeats       ${result.sentAgain} sent, ${result.receivedAgain} received`,
    ...(faults.lost + faults.duplicated + faults.reordered > 0
      ? [`faults        ${faults.lost} dropped, ${faults.duplicated} duplicated, ${faults.reordered} delayed`]
      : []),
    `generator     ${result.transport}, ${result.generatorCpuSeconds.toFixed(2)} s of CPU`,
    ...Object.entries(result.failures).map(([reason, count]) => `failed        ${count}: ${visible(reason)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function latency(of: Latency | undefined): string {
  if (!of) return 'none';
  return `median ${of.p50.toFixed(1)} ms, p90 ${of.p90.toFixed(1)}, p99 ${of.p99.toFixed(1)}, longest ${of.max.toFixed(1)}`;
}

function urlsArgument(): Argument {
  return new Argument('<url...>', 'tftp://host[:port]/name[,name…]').argParser((text, all: readonly string[] = []) => {
    try {
      parseFiles(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
    return [...all, text];
  });
}

function share(text: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value >= 1) throw new InvalidArgumentError('expected a number from 0 to 1, as in 0.01');
  return value;
}
