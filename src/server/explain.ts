/**
 * Explains what a machine would get, by the same pipeline as a transfer but without one.
 */
import { hash } from 'node:crypto';
import type { Firmware } from '../base/firmware.ts';
import { limit } from '../base/limit.ts';
import { parseMac } from '../base/mac.ts';
import { INTERNAL, Refusal } from '../base/refusal.ts';
import { SEGMENT_BYTES } from '../base/segment.ts';
import { readSegment } from '../content/read-segment.ts';
import { closeUnwanted } from '../content/unwanted.ts';
import { factNames, givenIdentity, withIdentity } from '../plugin/facts.ts';
import { describeError, type Trace } from '../plugin/trace.ts';
import type { Client, IdentitySource } from '../plugin/types.ts';
import type { Generation } from '../service/generation.ts';
import { limitsOf } from '../tftp/limits.ts';
import { netasciiContent } from '../tftp/netascii.ts';
import { negotiate, withinLimits } from '../tftp/protocol/options.ts';
import { Opcode } from '../tftp/protocol/packet.ts';
import { codeOf, describeRefusal } from '../tftp/protocol/refusal.ts';
import { Segments } from '../tftp/protocol/segments.ts';
import { type TftpReadRequest, understand } from '../tftp/request.ts';

/** A hypothetical request. */
export interface Question {
  /** As the client would spell it. */
  readonly name: string;
  /** The client's address; plugins find the client's MAC address by it. */
  readonly address: string;
  /** Replaces what `identify` would find. */
  readonly mac?: string;
  /** The same for its UUID … */
  readonly uuid?: string;
  /** … and its serial number. */
  readonly serial?: string;
  /** The client's firmware, or `ipxe`, and its architecture type (DHCP option 93). */
  readonly firmware?: Firmware;
  readonly arch?: number;
  /** The server's address on the client's network; templates may name it. */
  readonly server?: string;
  /** In the client's order and spelling. */
  readonly options?: readonly { readonly name: string; readonly value: string }[];
  readonly mode?: string;
}

export interface Explanation {
  readonly asked: string;
  /** The name after all `rewrite` hooks. */
  readonly name: string;
  readonly client: Client;
  readonly trace: Trace;
  /** What would be sent, if anything. */
  readonly served: Served | undefined;
  /** Options that would be acknowledged, in order. */
  readonly agreed: readonly { readonly name: string; readonly value: string }[];
  /** Present if the question gives a fact of the client that no plugin of this config can find. */
  readonly unknowable?: true;
  /** The ERROR that the client would get instead. */
  readonly error: { readonly code: number; readonly message: string } | undefined;
}

/** What would be sent. */
export interface Served {
  /** For people: a path under the root, or `plugin:<name>`. */
  readonly from: string;
  /** Bytes; `undefined` if unknown before the end. */
  readonly size: number | undefined;
  /** SHA-256 of its first 64 KiB: distinguishes files with the same name and size. */
  readonly digest: string;
}

export async function explain(generation: Generation, question: Question): Promise<Explanation> {
  return (await explainRead(generation, question)).explanation;
}

/** The same, with up to 64 KiB from the beginning of the file. */
export async function explainRead(
  generation: Generation,
  question: Question,
): Promise<{ readonly explanation: Explanation; readonly first?: Uint8Array }> {
  const { options = [], mode = 'octet' } = question;
  const { limits } = generation.config.tftp;
  const seen = withinLimits(options, limits);
  const packet = { opcode: Opcode.rrq, name: question.name, mode: mode.toLowerCase(), options: seen };
  const sent = {
    id: 0,
    client: { address: question.address, port: 0 },
    local: { address: question.server ?? '', port: 0 },
    packet,
  };
  const { request, refusal, unservable } = understand(sent, limits.nameBytes);
  const client = withGiven(request.client, question);
  const trace: Trace = [];
  const unknowable = isUnknowable(question, generation.pipeline.sources()) ? { unknowable: true as const } : {};
  const base = { asked: question.name, name: request.name, client, ...unknowable, trace, served: undefined, agreed: [] };
  if (refusal) return { explanation: { ...base, error: toError(refusal) } };
  const route = await generation.pipeline.route({ ...request, kind: 'read', client } as TftpReadRequest, {
    trace,
    unservable,
    describe: describeRefusal,
  });
  const found = { ...base, name: route.request.name, client: route.request.client };
  if (route.error) return { explanation: { ...found, error: toError(route.error) } };
  const content = request.tftp.mode === 'netascii' ? netasciiContent(route.content) : route.content;
  try {
    const readLimit = { clock: generation.clock, ms: limits.idleMs };
    const first = await limit(Promise.resolve(readSegment(content, 0)), readLimit);
    const served = { from: route.served, size: route.content.size, digest: hash('sha256', first) };
    const segments = new Segments(content.size);
    segments.supply(0, first, first.length < SEGMENT_BYTES);
    const granted = limitsOf(generation.config).transferFor(request.client.address);
    const { acknowledged } = negotiate(seen, { kind: 'read', size: segments.size }, granted);
    return { explanation: { ...found, served, agreed: acknowledged, error: undefined }, first };
  } catch (error) {
    const last = trace.at(-1);
    if (last) last.error = describeError(error, describeRefusal);
    return { explanation: { ...found, error: toError(error instanceof Refusal ? error : INTERNAL) } };
  } finally {
    closeUnwanted(content);
  }
}

function toError(refusal: Refusal): NonNullable<Explanation['error']> {
  return { code: codeOf(refusal), message: refusal.message };
}

/** Facts in the question are taken as known; `identify` is called for the rest, as for a real request. */
export function withGiven(asked: Client, { mac, uuid, serial, firmware, arch }: Omit<Question, 'name'>): Client {
  const client = { ...asked, ...(firmware !== undefined && { firmware }), ...(arch !== undefined && { arch }) };
  const facts = { mac: mac && (parseMac(mac) ?? mac), uuid, serial };
  const given = givenIdentity(facts as Partial<Client>);
  return given === undefined ? client : withIdentity(client, given);
}

/** Facts that a real client does not send. */
function isUnknowable(question: Question, sources: readonly IdentitySource[]): boolean {
  const given = factNames.filter((fact) => question[fact] !== undefined);
  return given.length > 0 && !given.some((fact) => sources.some(({ tells }) => tells.includes(fact)));
}
