/**
 * For `pxe check`: finds boot targets of a config that will not work. For each listed machine and each firmware, the offered file
 * is opened by the pipeline that serves it.
 */
import type { Clock } from '../base/clock.ts';
import { type Firmware, firmwares } from '../base/firmware.ts';
import { loaderKind } from '../base/loader.ts';
import { type PeHeader, readPe } from '../base/pe.ts';
import { Slices } from '../base/time-slices.ts';
import type { Finding, Machine } from '../plugin/types.ts';
import type { Generation } from '../service/generation.ts';
import { type BootQuestion, type MachineOffer, type MachineOffers, offersTo } from './boot-offer.ts';
import { explainRead } from './explain.ts';
import { ANY_SERVER, httpOriginOf } from './http-origin.ts';
import { ledTo } from './script-path.ts';
import { secondStages } from './second-stage.ts';

/** Time limit for asking what machines are offered; a finding says if some kind of machine was not asked about. */
const ASKING_MS = 4000;
/** Time limit of the check; a finding says how far it has come. */
const LOOKING_MS = 8000;
/** Maximum machines of one kind for which a target is opened. */
const ALIKE = 20;
/** Maximum targets that are opened concurrently. */
const AT_A_TIME = 8;

/** A boot target of one kind of machines. */
interface Target {
  readonly offered: string;
  readonly file: string | undefined;
  readonly plugin: string;
  /** The machines for which it is opened; each may get another file by that name. */
  readonly questions: BootQuestion[];
  readonly machines: Set<string>;
  readonly firmwares: Set<Firmware>;
}

export async function bootFindings(generation: Generation): Promise<readonly Finding[]> {
  return [...unseen(generation), ...(await targetFindings(generation))];
}

/** `identify({ dhcp: true })` goes by what the service sees. */
function unseen({ config, pipeline }: Generation): readonly Finding[] {
  if (config.dhcp !== undefined || !pipeline.sources().some(({ source }) => source === 'dhcp')) return [];
  const message = 'can find nothing: DHCP is not served; add `dhcp: {}` to the config';
  return [finding([...pathOf(config.plugins, 'identify'), 'options', 'dhcp'], 'warning', message)];
}

async function targetFindings(generation: Generation): Promise<readonly Finding[]> {
  const { config, pipeline, clock } = generation;
  const booting = pipeline.booting;
  if (booting.length === 0) return config.dhcp === undefined ? [] : [finding([], 'warning', SAYS_NOTHING, ['dhcp'])];
  const begunMs = clock.now();
  const { machines: listed, kinds } = await pipeline.machinesByKind();
  const machines: readonly Machine[] = [{ name: 'a machine that is not listed', names: [] }, ...listed];
  const found: Finding[] = [];
  const targets = new Map<string, Target>();
  const circles = new Circles(config.plugins);
  const slices = new Slices();
  let asked = 0;
  let isAnyOffered = false;
  for (const machine of machines) {
    if (clock.now() > begunMs + ASKING_MS) break;
    asked++;
    const offers = await offersTo(generation, machine);
    isAnyOffered ||= offers.some(([, { offered, error }]) => offered !== undefined || error !== undefined);
    circles.next(machine, offers);
    for (const [firmware, offer] of offers) note(targets, machine, firmware, offer);
    if (slices.over) await slices.rest();
  }
  found.push(...circles.findings());
  if (asked <= kinds) found.push(outOfTime(`only ${asked} of ${machines.length} machines were asked about`));
  if (!isAnyOffered) return [...found, ...(config.dhcp === undefined ? [] : [finding([], 'warning', SAYS_NOTHING, ['dhcp'])])];
  const [first] = targets.values();
  if (config.dhcp === undefined && first)
    found.push(of(generation, first, 'warning', 'has no effect: DHCP is not served; add `dhcp: {}` to the config'));
  return [...found, ...(await opened(generation, [...targets.values()], clock, begunMs + LOOKING_MS))];
}

const SAYS_NOTHING = 'no plugin says what a machine is to boot, so none gets an offer: give `hosts` a `boot`';

function note(targets: Map<string, Target>, { name }: Machine, firmware: Firmware, offer: MachineOffer): void {
  const { offered, file, plugin, question, client } = offer;
  if (offered === undefined || offered === 'disk' || plugin === undefined) return;
  // Machines with the same host and groups get the same files; others may not.
  const key = JSON.stringify([
    offered,
    client.host?.groups.length ? client.host.groups : client.host?.name,
    client.host?.restsOn,
  ]);
  const known = targets.get(key);
  if (known) {
    if (!known.machines.has(name) && known.questions.length < ALIKE) known.questions.push(question);
    known.machines.add(name);
    known.firmwares.add(firmware);
  } else
    targets.set(key, { offered, file, plugin, questions: [question], machines: new Set([name]), firmwares: new Set([firmware]) });
}

/** iPXE, once loaded, sends a request again and must not get iPXE. */
class Circles {
  readonly #plugins: Generation['config']['plugins'];
  /** By what is wrong. */
  readonly #machines = new Map<string, { readonly finding: Finding; readonly first: string; more: number }>();

  constructor(plugins: Generation['config']['plugins']) {
    this.#plugins = plugins;
  }

  next({ name }: Machine, offers: MachineOffers): void {
    const ipxe = offers.find(([firmware]) => firmware === 'ipxe')?.[1];
    const loader = offers.find(([firmware, { offered }]) => firmware !== 'ipxe' && isIpxe(offered))?.[1];
    if (ipxe === undefined || loader === undefined) return;
    const write = `name its script, as in boot: { ipxe: 'menu.ipxe', default: ${show(loader.file ?? loader.offered).replaceAll('"', "'")} }`;
    if (isIpxe(ipxe.offered))
      return this.#add(name, ipxe.plugin, 'error', `iPXE would load ${show(ipxe.offered)} again and again: ${write}`);
    if (ipxe.offered !== undefined || ipxe.error !== undefined) return;
    // The config requests this; iPXE may have a built-in script.
    if (ipxe.trace.some(({ note }) => note?.startsWith('boot is false'))) return;
    const message = `loads iPXE (${show(loader.offered)}), which then asks what to boot and gets no offer: ${write}`;
    this.#add(name, loader.plugin, 'warning', message);
  }

  findings(): readonly Finding[] {
    return Array.from(this.#machines.values(), ({ finding, first, more }) => {
      return { ...finding, message: `${first}${more === 0 ? '' : ` and ${more} more`}: ${finding.message}` };
    });
  }

  #add(name: string, plugin: string | undefined, severity: Finding['severity'], message: string): void {
    const known = this.#machines.get(message);
    if (known) known.more++;
    else
      this.#machines.set(message, { finding: finding(pathOf(this.#plugins, plugin), severity, message), first: name, more: 0 });
  }
}

function isIpxe(offered: string | undefined): boolean {
  return offered !== undefined && loaderKind(offered) === 'ipxe';
}

async function opened(
  generation: Generation,
  targets: readonly Target[],
  clock: Clock,
  until: number,
): Promise<readonly Finding[]> {
  const found: Finding[][] = targets.map(() => []);
  const queue = targets.entries();
  let done = 0;
  const work = async () => {
    for (const [index, target] of queue) {
      if (clock.now() > until) return;
      found[index] = [...(await look(generation, target))];
      done++;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return [
    ...found.flat(),
    ...(done < targets.length ? [outOfTime(`only ${done} of ${targets.length} boot targets were opened`)] : []),
  ];
}

/** The first affected machine represents all. */
async function look(generation: Generation, target: Target): Promise<readonly Finding[]> {
  for (const question of target.questions) {
    const found = await lookFor(generation, target, question);
    if (found.length > 0) return found;
  }
  return [];
}

async function lookFor(generation: Generation, target: Target, question: BootQuestion): Promise<readonly Finding[]> {
  const { offered, file, firmwares } = target;
  const say = (severity: Finding['severity'], message: string) => of(generation, target, severity, `${show(offered)} ${message}`);
  const found: Finding[] = [];
  if (offered.includes('://') && [...firmwares].every((firmware) => TAKES_NO_URL.includes(firmware)))
    found.push(say('error', 'is a URL, which this firmware does not take: name a file'));
  const servesHttp = httpOriginOf(generation.config, ANY_SERVER) !== undefined;
  const { name, ...led } = file === undefined ? ledTo(offered, '', ANY_SERVER, servesHttp) : { name: file };
  if (name === undefined)
    return 'isFault' in led
      ? [...found, say('error', 'leads to this server, which does not serve HTTP: add `http: {}` to the config')]
      : found;
  const { explanation, first = new Uint8Array(0) } = await explainRead(generation, { ...question, name });
  if (explanation.error) return [...found, say('error', `cannot be served: ${explanation.error.message}`)];
  if (explanation.served?.size === 0) return [...found, say('error', 'is empty')];
  const pe = readPe(first);
  found.push(...wrongFirmware(pe, target, say), ...(await behind(generation, { question, offered }, name, pe, say)));
  return found;
}

/** It holds for the signed GRUB of Debian 12 by TFTP; no answer of a proxy can change it. */
const ROUTER_NOTE =
  'starts GRUB: the one that Debian signs asks for its files at the address that the DHCP server names (next-server), not here; make that this server';

type Say = (severity: Finding['severity'], message: string) => Finding;

const TAKES_NO_URL: readonly Firmware[] = ['bios', 'raspberry-pi'];
/** Firmware loads a program for another processor, or a BIOS program under UEFI, and then refuses it without a message. */
function wrongFirmware(pe: PeHeader | undefined, { firmwares, offered }: Target, say: Say): readonly Finding[] {
  const asking: readonly Firmware[] = [...firmwares].filter((firmware) => firmware !== 'ipxe');
  if (asking.length === 0) return [];
  const uefi = asking.filter((firmware) => firmware.startsWith('uefi'));
  if (pe === undefined) {
    const isProgram = ['ipxe', 'pxelinux', 'windows'].includes(loaderKind(offered) ?? '') && !/\.efi$/i.test(offered);
    if (isProgram && uefi.length === asking.length)
      return [say('error', `is a BIOS program, and ${listed(asking)} cannot start it`)];
    return [];
  }
  if (pe.firmware === undefined || asking.includes(pe.firmware)) return [];
  return [
    say('error', `is a program for ${pe.firmware}, which is not among the firmware that it is offered to: ${listed(asking)}`),
  ];
}

/** A shim loads a file from its own folder. */
async function behind(
  generation: Generation,
  { question, offered }: { readonly question: BootQuestion; readonly offered: string },
  name: string,
  pe: PeHeader | undefined,
  say: Say,
): Promise<readonly Finding[]> {
  if (loaderKind(offered) !== 'shim') return [];
  const names = secondStages(name, pe?.firmware ?? question.firmware, generation.config);
  const [asked] = names;
  if (asked === undefined) return [];
  const looked = [];
  for (const next of names) looked.push({ next, ...(await explainRead(generation, { ...question, name: next })) });
  const there = looked.find(({ explanation }) => explanation.error === undefined);
  if (there === undefined)
    return [
      say('error', `is a shim, and loads ${show(asked)}, which cannot be served: ${looked[0]!.explanation.error!.message}`),
    ];
  const { next, first = new Uint8Array(0) } = there;
  const found: Finding[] = [];
  const second = readPe(first);
  if (pe?.isSigned && second?.isSigned === false)
    found.push(say('error', `is a shim, and loads ${show(next)}, which is not signed: Secure Boot refuses it`));
  if (pe !== undefined && !pe.isSigned) found.push(say('warning', 'is not signed: Secure Boot refuses it'));
  if (loaderKind(next) === 'grub') found.push(say('note', ROUTER_NOTE));
  return found;
}

function of({ config }: Generation, target: Target, severity: Finding['severity'], message: string): Finding {
  const { plugin, machines, firmwares } = target;
  const [first] = machines;
  const others = machines.size === 1 ? '' : ` and ${machines.size - 1} more`;
  return finding(pathOf(config.plugins, plugin), severity, `${first}${others} (${listed([...firmwares])}): ${message}`);
}

function outOfTime(message: string): Finding {
  return finding([], 'warning', `${message} before time ran out`, ['plugins']);
}

function pathOf(plugins: Generation['config']['plugins'], name: string | undefined): Finding['path'] {
  const index = plugins.findIndex(({ plugin }) => plugin.name === name);
  return index < 0 ? ['plugins'] : ['plugins', index];
}

function finding(path: Finding['path'], severity: Finding['severity'], message: string, instead?: Finding['path']): Finding {
  return { severity, path: instead ?? path, message };
}

/** As written in the config. */
function show(text: string | undefined): string {
  return JSON.stringify(text?.replaceAll(ANY_SERVER, '{server}'));
}

/** All but a few: `any firmware`. */
function listed(names: readonly Firmware[]): string {
  return names.length >= firmwares.length - 1 ? 'any firmware' : names.join(', ');
}
