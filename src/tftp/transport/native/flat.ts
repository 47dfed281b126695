/**
 * The messages of every transfer as flat lists: what passes between threads is written down and read again, and there the names of
 * fields cost more than what they hold. All other messages are rare, and stay as they are.
 */

import type { PeerKey } from '../../../base/peer.ts';
import type { WireError } from '../../protocol/error.ts';
import type { RequestPacket } from '../../protocol/packet.ts';
import type { Ending } from '../../protocol/transfer.ts';
import type { FromData, ToData } from './messages.ts';

type Request = Extract<FromData, { readonly kind: 'request' }>;
type End = Extract<FromData, { readonly kind: 'end' }>;
type Answer = Extract<ToData, { readonly kind: 'answer' }>;
type Serve = Extract<ToData, { readonly kind: 'serve' }>;
type Settled = Extract<ToData, { readonly kind: 'settled' }>;
type Option = RequestPacket['options'][number];
type Agreement = NonNullable<Ending['agreement']>;

/** `options`: names and values by turns, to the end of the list. */
type FlatRequest = readonly [
  ...[kind: 'request', id: number, peer: PeerKey, endpoint: number],
  ...[opcode: RequestPacket['opcode'], name: string, mode: string, ...options: string[]],
];

type FlatEnd = readonly [
  ...[kind: 'end', id: number, outcome: Ending['outcome'], bytes: number, durationMs: number, rttMs: number | undefined],
  ...[retransmissions: number, lastAckMissing: boolean, code: WireError['code'] | undefined, message: string | undefined],
  ...[reason: WireError['reason'], detail: string | undefined],
  ...[blockSize: number | undefined, windowSize: number, rollover: Agreement['rollover'], timeoutMs: number | undefined],
  ...acknowledged: string[],
];

type FlatAnswer = readonly [
  ...[kind: 'answer', id: number, terms: number, size: number | undefined, first: Uint8Array, again: boolean],
];

type FlatServe = readonly [kind: 'serve', id: number, terms: number, fd: number, version: string, size: number];

/** The number of the request alone. */
type FlatSettled = number;

/** A message as it travels. */
export type FlatFromData = Exclude<FromData, Request | End> | FlatRequest | FlatEnd;
export type FlatToData = Exclude<ToData, Serve | Settled> | FlatAnswer | FlatServe | FlatSettled;

export function flatFromData(message: FromData): FlatFromData {
  if (message.kind === 'request') return flatRequest(message);
  if (message.kind === 'end') return flatEnd(message);
  return message;
}

export function fromData(flat: FlatFromData): FromData {
  if (!isFlat(flat)) return flat;
  return flat[0] === 'request' ? request(flat) : end(flat);
}

export function flatToData(message: ToData): FlatToData {
  if (message.kind === 'answer') return flatAnswer(message);
  if (message.kind === 'serve') return flatServe(message);
  if (message.kind === 'settled') return message.id;
  return message;
}

export function toData(flat: FlatToData): ToData {
  if (typeof flat === 'number') return { kind: 'settled', id: flat };
  if (!isFlat(flat)) return flat;
  return flat[0] === 'answer' ? answer(flat) : serve(flat);
}

function flatRequest({ kind, id, peer, endpoint, packet: { opcode, name, mode, options } }: Request): FlatRequest {
  return [kind, id, peer, endpoint, opcode, name, mode, ...flatOptions(options)];
}

function request([kind, id, peer, endpoint, opcode, name, mode, ...options]: FlatRequest): Request {
  return { kind, id, peer, endpoint, packet: { opcode, name, mode, options: optionsOf(options) } };
}

function flatEnd({ kind, id, ending }: End): FlatEnd {
  const { outcome, bytes, durationMs, rttMs, retransmissions, lastAckMissing, error, agreement } = ending;
  const { blockSize, windowSize = 0, rollover = 0, timeoutMs, acknowledged = [] } = agreement ?? {};
  return [
    kind,
    id,
    outcome,
    bytes,
    durationMs,
    rttMs,
    retransmissions,
    lastAckMissing,
    error?.code,
    error?.message,
    error?.reason,
    error?.detail,
    blockSize,
    windowSize,
    rollover,
    timeoutMs,
    ...flatOptions(acknowledged),
  ];
}

function end([
  kind,
  id,
  outcome,
  bytes,
  durationMs,
  rttMs,
  retransmissions,
  lastAckMissing,
  code,
  message,
  reason,
  detail,
  ...agreed
]: FlatEnd): End {
  const [blockSize, windowSize, rollover, timeoutMs, ...acknowledged] = agreed;
  const error = code === undefined ? undefined : wireError(code, message ?? '', reason, detail);
  const agreement =
    blockSize === undefined ? undefined : { blockSize, windowSize, rollover, timeoutMs, acknowledged: optionsOf(acknowledged) };
  return { kind, id, ending: { outcome, bytes, durationMs, agreement, rttMs, retransmissions, lastAckMissing, error } };
}

function wireError(code: number, message: string, reason: WireError['reason'], detail: string | undefined): WireError {
  return { code, message, ...(reason === undefined ? {} : { reason }), ...(detail === undefined ? {} : { detail }) };
}

function flatAnswer(message: Answer): FlatAnswer | Answer {
  const { kind, id, answer, terms } = message;
  // An upload: not one of a storm.
  if (answer.kind === 'write') return message;
  return [kind, id, terms, answer.size, answer.first, answer.again === true];
}

function answer([kind, id, terms, size, first, again]: FlatAnswer): Answer {
  return { kind, id, answer: { kind: 'read', size, first, again }, terms };
}

function flatServe({ kind, id, terms, file: { fd, version, size } }: Serve): FlatServe {
  return [kind, id, terms, fd, version, size];
}

function serve([kind, id, terms, fd, version, size]: FlatServe): Serve {
  return { kind, id, terms, file: { fd, version, size } };
}

function flatOptions(options: readonly Option[]): string[] {
  const flat: string[] = [];
  for (const { name, value } of options) flat.push(name, value);
  return flat;
}

function optionsOf(flat: readonly string[]): Option[] {
  const options: Option[] = [];
  for (let i = 0; i < flat.length; i += 2) options.push({ name: flat[i]!, value: flat[i + 1]! });
  return options;
}

function isFlat<Flat extends readonly unknown[]>(message: object): message is Flat {
  return Array.isArray(message);
}
