/**
 * `pxe explain`: what a machine would get and why, hook by hook; what all machines would get; and what another config would
 * change.
 */
import { isIP } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import { architectureOf, type Firmware, firmwares, typeOf } from '../base/firmware.ts';
import { parseMac } from '../base/mac.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { PluginError } from '../plugin/error.ts';
import type { Machine } from '../plugin/types.ts';
import { boots, explainChain, type OfferStep } from '../server/boot-chain.ts';
import { describeOffers, offersTo } from '../server/boot-offer.ts';
import { withGeneration } from '../server/create.ts';
import { type Explanation, explain, type Question } from '../server/explain.ts';
import { explainEach, type MachineQuestion, mergeMachines, questionsOf, UNKNOWN_ADDRESS } from '../server/machines.ts';
import type { Generation } from '../service/generation.ts';
import { tellChain } from './boot-tree.ts';
import { EXIT, ExitError, endSoon } from './exit.ts';
import { type Change, changesOf, type Row, tableOf, tableOfChanges } from './explain-table.ts';
import { tellRoute } from './explain-tree.ts';
import { whole } from './number.ts';
import { isColoured } from './painting.ts';
import { seeAs } from './privileges.ts';
import { configOption, jsonOption, loadSettings, type Overrides, rootDirOption } from './settings.ts';
import { drawTable, type TableStyle } from './table.ts';

interface ExplainFlags extends Overrides {
  readonly mac?: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly ip: string;
  readonly firmware?: Firmware;
  readonly arch?: number;
  readonly option?: readonly { readonly name: string; readonly value: string }[];
  readonly mode: string;
  readonly allHosts?: boolean;
  /** Another config's file. */
  readonly diff?: string;
  readonly json?: boolean;
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('show what a machine would get for a name, and why')
    .argument('[name...]', 'requested file name; several with --all-hosts')
    .addOption(new Option('-m, --mac <address>', 'MAC address of the machine').argParser(parseMacFlag))
    .addOption(new Option('--uuid <uuid>', 'UUID of the machine'))
    .addOption(new Option('--serial <number>', 'serial number of the machine'))
    .addOption(
      new Option('--ip <address>', 'IP address of the machine').default(UNKNOWN_ADDRESS, 'unknown').argParser(parseIpFlag),
    )
    .addOption(new Option('-f, --firmware <name>', 'firmware of the machine').choices(firmwares))
    .addOption(
      new Option('--arch <number>', 'architecture number of the machine (DHCP option 93): 7 is x64 UEFI').argParser(
        whole(0, 65_535),
      ),
    )
    .addOption(
      new Option(
        '-o, --option <name=value>',
        'option of the request, such as blksize=1468; may be given several times',
      ).argParser(parseOption),
    )
    .addOption(new Option('--mode <mode>', 'transfer mode').choices(['octet', 'netascii']).default('octet'))
    .addOption(
      new Option('-a, --all-hosts', 'print a table of what each machine listed in the config would get').conflicts([
        'mac',
        'uuid',
        'serial',
        'ip',
      ]),
    )
    .addOption(new Option('-d, --diff <file>', 'print what this other config would change, and for which machines'))
    .addOption(configOption())
    .addOption(rootDirOption())
    .addOption(jsonOption('print the answer as JSON'))
    .addHelpText(
      'after',
      `
If no name is given, --firmware or --arch explains the whole boot: the loader that the machine is offered by DHCP, what this
loader asks for next, and the kernel and initrd that its script names.

The answer comes from the server's own code. When run by root, it reads files with the permissions of the config's user.
--all-hosts asks for the given names and for those that the config expects machines to request; tables are aligned on a
terminal and tab-separated elsewhere. --diff compares ERROR, size, options and the first 64 KiB.

Examples:
  pxe explain bootloader.efi --mac 52:54:00:12:34:56
  pxe explain pxelinux.cfg/default --ip 192.168.7.20 --option tsize=0 --option blksize=1468 --json
  pxe explain --firmware uefi-x64 --mac 52:54:00:12:34:56
  pxe explain --all-hosts bootloader.efi boot.ipxe
  pxe explain --all-hosts --diff next.config.ts

Exit codes: 0 the machine gets a file, or boots; 1 it does not (--all-hosts: one or more do not); 2 invalid arguments or config.
With --diff, as for diff(1): 0 no changes; 1 changes; 2 invalid arguments or config.`,
    )
    .action(runExplain);
}

async function runExplain(names: readonly string[], flags: ExplainFlags, command: Command): Promise<void> {
  const wholeBoot =
    names.length === 0 && !flags.allHosts && flags.diff === undefined && (flags.firmware ?? flags.arch) !== undefined;
  if (!flags.allHosts && !wholeBoot && names.length !== 1)
    command.error(
      names.length === 0
        ? "error: missing required argument 'name' (or --firmware, or --all-hosts)"
        : 'error: several names need --all-hosts',
    );
  const { config } = await loadSettings(flags);
  seeAs(config.user);
  if (flags.diff !== undefined) await showChanges(config, flags.diff, names, flags);
  else
    await withGeneration(config, (generation) =>
      (flags.allHosts ? showAll : wholeBoot ? showChain : showRoute)(generation, names, flags),
    );
  endSoon();
}

async function showRoute(generation: Generation, [name]: readonly string[], flags: ExplainFlags): Promise<void> {
  const explanation = await explain(generation, questionOf(name!, flags));
  process.stdout.write(
    flags.json ? json(explanation) : tellRoute(explanation, generation.config.rootDir, isColoured(process.stdout, process.env)),
  );
  if (explanation.error) process.exitCode = EXIT.failed;
}

async function showChain(generation: Generation, _: readonly string[], flags: ExplainFlags): Promise<void> {
  const { name: __, mode: ___, options: ____, ...question } = questionOf('', flags);
  const chain = await explainChain(generation, question);
  const { rootDir } = generation.config;
  process.stdout.write(flags.json ? json(chain) : tellChain(chain, rootDir, isColoured(process.stdout, process.env)));
  if (!boots(chain)) process.exitCode = EXIT.failed;
}

async function showAll(generation: Generation, names: readonly string[], flags: ExplainFlags): Promise<void> {
  const machines = await generation.pipeline.machines();
  const asked = questionsOf(machines, names, howOf(flags));
  const answers = await explainEach(
    generation,
    asked.map(({ question }) => question),
  );
  const offered = await offeredTo(generation, machines, flags);
  const rows: readonly Row[] = asked.map((asking, index) => {
    const offer = offered?.get(asking.machine);
    return { ...asking, explanation: answers[index]!, ...(offer !== undefined && { offer }) };
  });
  if (flags.json) process.stdout.write(json(rows.map(({ machine, explanation, offer }) => ({ machine, ...explanation, offer }))));
  else process.stdout.write(drawTable(tableOf(rows, offered), tableStyle()));
  const silent = machines.length - new Set(asked.map(({ machine }) => machine)).size;
  if (machines.length === 0) process.stderr.write('pxe: the config lists no machines\n');
  else if (silent > 0)
    process.stderr.write(
      `pxe: the config names no file for ${silent} of ${machines.length} machines: give names after --all-hosts\n`,
    );
  if (answers.some(({ error }) => error)) process.exitCode = EXIT.failed;
}

/** What each machine is offered to boot, in short; `undefined` where none is offered anything. */
async function offeredTo(
  generation: Generation,
  machines: readonly Machine[],
  { firmware, arch }: ExplainFlags,
): Promise<ReadonlyMap<Machine, string> | undefined> {
  if (generation.pipeline.booting.length === 0) return undefined;
  const program = programOf({ firmware, arch }).firmware;
  const offered = new Map<Machine, string>();
  for (const machine of machines) {
    const told = describeOffers(await offersTo(generation, machine, program && [program]));
    if (told !== undefined) offered.set(machine, told);
  }
  return offered.size === 0 ? undefined : offered;
}

async function showChanges(config: ResolvedConfig, other: string, names: readonly string[], flags: ExplainFlags): Promise<void> {
  const { config: otherConfig } = await loadSettings({ ...flags, config: other });
  try {
    await withGeneration(config, (now) =>
      withGeneration(otherConfig, async (next) => {
        const asked = flags.allHosts
          ? questionsOf(mergeMachines(await now.pipeline.machines(), await next.pipeline.machines()), names, howOf(flags))
          : [askedBy(names[0]!, flags)];
        const questions = asked.map(({ question }) => question);
        tellChanges(changesOf(asked, await explainEach(now, questions), await explainEach(next, questions)), flags);
      }),
    );
  } catch (error) {
    // 1 means that something would change.
    throw error instanceof PluginError ? new ExitError(EXIT.usage, error.message, { cause: error }) : error;
  }
}

function tellChanges(changes: readonly Change[], flags: ExplainFlags): void {
  if (flags.json) process.stdout.write(json(changes.map(({ machine, before, after }) => ({ machine, before, after }))));
  else if (changes.length > 0) process.stdout.write(drawTable(tableOfChanges(changes), tableStyle()));
  if (changes.length > 0) process.exitCode = EXIT.failed;
}

function tableStyle(): TableStyle {
  return { aligned: process.stdout.isTTY, coloured: isColoured(process.stdout, process.env) };
}

function questionOf(name: string, flags: ExplainFlags): Question {
  const { ip, mac, uuid, serial, firmware, arch } = flags;
  return {
    name,
    address: ip,
    ...howOf(flags),
    ...(mac === undefined ? {} : { mac }),
    ...(uuid === undefined ? {} : { uuid }),
    ...(serial === undefined ? {} : { serial }),
    ...programOf({ firmware, arch }),
  };
}

/** The machine that the flags describe, as a separate row. */
function askedBy(name: string, flags: ExplainFlags): MachineQuestion {
  const question = questionOf(name, flags);
  const { mac, uuid, serial, address } = question;
  return { question, machine: { name: mac ?? uuid ?? serial ?? (address === UNKNOWN_ADDRESS ? 'anybody' : address), names: [] } };
}

function howOf({ mode, option = [], ...flags }: ExplainFlags): Pick<Question, 'mode' | 'options' | 'firmware' | 'arch'> {
  return { mode, options: option, ...programOf(flags) };
}

interface Program {
  readonly firmware?: Firmware | undefined;
  readonly arch?: number | undefined;
}

/** If only one is given, it implies the other. */
function programOf({ firmware, arch }: Program): Pick<Question, 'firmware' | 'arch'> {
  const type = arch ?? (firmware && typeOf(firmware));
  const program = firmware ?? (arch === undefined ? undefined : architectureOf(arch)?.firmware);
  return { ...(program !== undefined && { firmware: program }), ...(type !== undefined && { arch: type }) };
}

function json(value: Explanation | OfferStep | readonly object[]): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function parseOption(text: string, all: ExplainFlags['option'] = []): ExplainFlags['option'] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected name=value, as in blksize=1468');
  return [...all, { name: text.slice(0, at), value: text.slice(at + 1) }];
}

function parseMacFlag(text: string): string {
  const mac = parseMac(text);
  if (mac === undefined) throw new InvalidArgumentError('expected a MAC address, as in 52:54:00:12:34:56');
  return mac;
}

function parseIpFlag(text: string): string {
  if (isIP(text.split('%')[0] ?? '') === 0) throw new InvalidArgumentError('expected an IPv4 or IPv6 address');
  return text;
}
