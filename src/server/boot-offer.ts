/**
 * Explains what a machine would be offered for booting, by the same pipeline as DHCP but without a packet.
 */
import type { BootLayout } from '../base/boot-layout.ts';
import { architectureOf, type Firmware, firmwares, typeOf } from '../base/firmware.ts';
import { decisionFor } from '../dhcp/decision.ts';
import type { DhcpRequest } from '../dhcp/request.ts';
import { describeError, type Trace } from '../plugin/trace.ts';
import type { Client, Machine } from '../plugin/types.ts';
import type { Generation } from '../service/generation.ts';
import { type Question, withGiven } from './explain.ts';
import { ANY_SERVER, httpOriginOf } from './http-origin.ts';
import { UNKNOWN_ADDRESS } from './machines.ts';

/** A hypothetical boot request. */
export type BootQuestion = Omit<Question, 'name' | 'options' | 'mode'>;

/** Data for `--json`. */
export interface Offer {
  readonly client: Client;
  readonly trace: Trace;
  /** The offer: a file name, a URL, or `disk`. `undefined`: no offer. */
  readonly offered: string | undefined;
  /** The file under the root, if that is what is offered, by whichever protocol. */
  readonly file: string | undefined;
  readonly layout: BootLayout | undefined;
  /** Name of the plugin that decided. */
  readonly plugin: string | undefined;
  /** Why it gets no offer, if that is an error. */
  readonly error: string | undefined;
}

export async function explainOffer(generation: Generation, question: BootQuestion): Promise<Offer> {
  const { address, server = ANY_SERVER } = question;
  const arch = question.arch ?? (question.firmware && typeOf(question.firmware));
  const firmware = question.firmware ?? (arch === undefined ? undefined : architectureOf(arch)?.firmware);
  const asking = { ...question, ...(arch !== undefined && { arch }), ...(firmware !== undefined && { firmware }) };
  const isIpxe = firmware === 'ipxe';
  const vendorClass = !isIpxe && arch !== undefined && architectureOf(arch)?.http ? 'HTTPClient' : 'PXEClient';
  const request: DhcpRequest = {
    protocol: 'dhcp',
    kind: 'boot',
    client: withGiven({ address, port: 68 }, asking),
    local: { address: server, port: 67 },
    asked: '',
    name: '',
    dhcp: { vendorClass },
  };
  const trace: Trace = [];
  const { request: known, boot, error } = await generation.pipeline.boot(request, { trace });
  const found = { client: known.client, trace, plugin: boot?.plugin };
  const nothing = { ...found, offered: undefined, file: undefined, layout: undefined };
  if (error) return { ...nothing, error: describeError(error) };
  if (boot === undefined) return { ...nothing, error: undefined };
  const decision = decisionFor(boot, { vendorClass, isIpxe }, httpOriginOf(generation.config, server));
  if (typeof decision === 'string') return { ...nothing, error: IMPOSSIBLE[decision] };
  if (decision.kind === 'disk') return { ...nothing, offered: 'disk', error: undefined };
  const file = boot.kind === 'file' ? boot.name : undefined;
  return { ...found, offered: decision.name, file, layout: boot.layout ?? 'direct', error: undefined };
}

/** The offers to a machine of the config. */
export type MachineOffer = Offer & { readonly question: BootQuestion };

/** The same by firmware. */
export type MachineOffers = readonly (readonly [Firmware, MachineOffer])[];

/** The offers to a listed machine, for each firmware that it may have. */
export async function offersTo(
  generation: Generation,
  { name: _, names: __, fingerprint: ___, ...known }: Machine,
  which: readonly Firmware[] = firmwares,
): Promise<MachineOffers> {
  const offers: (readonly [Firmware, MachineOffer])[] = [];
  for (const firmware of which) {
    const question: BootQuestion = { ...known, address: known.address ?? UNKNOWN_ADDRESS, firmware };
    offers.push([firmware, { ...(await explainOffer(generation, question)), question }]);
  }
  return offers;
}

const IMPOSSIBLE = {
  'http-is-off': 'it boots by HTTP only, and HTTP is not served',
  'takes-no-url': 'its firmware takes no URL, only the name of a file',
} as const;

/** For tables: `ipxe.efi; bios: undionly.kpxe; ipxe: menu.ipxe`. The offer of most firmwares comes first, without their names. */
export function describeOffers(offers: readonly (readonly [Firmware, Pick<Offer, 'offered' | 'error'>])[]): string | undefined {
  const byAnswer = new Map<string, Firmware[]>();
  for (const [firmware, { offered, error }] of offers) {
    const answer = offered?.replaceAll(ANY_SERVER, '{server}') ?? (error === undefined ? 'nothing' : `nothing (${error})`);
    byAnswer.set(answer, [...(byAnswer.get(answer) ?? []), firmware]);
  }
  const answers = [...byAnswer].toSorted(([, one], [, other]) => other.length - one.length);
  const [most] = answers;
  if (most?.[0] === 'nothing' && answers.length === 1) return undefined;
  const told = answers.flatMap(([answer, firmwares], index) => {
    if (index === 0 && (firmwares.length > 2 || answers.length === 1)) return answer === 'nothing' ? [] : [answer];
    return [`${firmwares.join(', ')}: ${answer}`];
  });
  return told.join('; ');
}
