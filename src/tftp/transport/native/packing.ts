/**
 * How messages between the threads lie in a mailbox. Those of every transfer are records: each is written down once, and read once.
 * All others are rare, and travel as parcels.
 */

import type { Ending } from '../../protocol/ending.ts';
import type { WireError } from '../../protocol/error.ts';
import type { RequestPacket } from '../../protocol/packet.ts';
import type { MailboxReader, MailboxWriter } from './mailbox.ts';
import type { FromData, ToData } from './messages.ts';

type Message<Union, Kind> = Extract<Union, { readonly kind: Kind }>;
type Option = RequestPacket['options'][number];

const RECORD = { request: 1, end: 2, need: 3, serve: 4, refuse: 5, finished: 6, written: 7 } as const;
const OUTCOMES = ['completed', 'probed', 'aborted', 'refused', 'failed'] as const satisfies readonly Ending['outcome'][];

/** What is there of an ending, and what is true of it. */
const HAS = { error: 1, agreement: 2, lastAckMissing: 4 } as const;
/** Memory of this size and more is passed on to the data thread; less is copied, which costs less. */
const PASSED_ON_BYTES = 4096;
/** No option and no name of a request has it: on the wire it ends them. */
const SEPARATOR = '\0';

/** `false` if there is no room: nothing was written. */
export function packFromData(writer: MailboxWriter, message: FromData): boolean {
  if (message.kind === 'request') return packRequest(writer, message);
  if (message.kind === 'end' && fits(writer, message.ending)) return packEnd(writer, message);
  if (message.kind === 'need') return packNumbers(writer, RECORD.need, message.id, message.index);
  return writer.parcel(message);
}

/** The record that {@link MailboxReader.take} is at. */
export function unpackFromData(reader: MailboxReader, kind: number): FromData {
  if (kind === RECORD.request) return unpackRequest(reader);
  if (kind === RECORD.end) return unpackEnd(reader);
  if (kind === RECORD.need) return { kind: 'need', id: reader.number(), index: reader.number() };
  throw new RangeError(`record of kind ${kind}`);
}

/** The same, to the data thread. The memory of a file's bytes goes along. */
export function packToData(writer: MailboxWriter, message: ToData): boolean {
  switch (message.kind) {
    case 'finished':
      return packNumbers(writer, RECORD.finished, message.id);
    case 'written':
      return packNumbers(writer, RECORD.written, message.id, message.bytes, message.stored ? 1 : 0);
    case 'serve':
      if (message.first === undefined) return packServe(writer, message);
      return writer.parcel(message, message.first.byteLength < PASSED_ON_BYTES ? [] : [message.first.buffer]);
    case 'refuse':
      if (writer.fits(charactersOf(message.error))) return packRefuse(writer, message);
  }
  return writer.parcel(message);
}

export function unpackToData(reader: MailboxReader, kind: number): ToData {
  switch (kind) {
    case RECORD.finished:
      return { kind: 'finished', id: reader.number() };
    case RECORD.written:
      return { kind: 'written', id: reader.number(), bytes: reader.number(), stored: reader.number() === 1 };
    case RECORD.serve:
      return unpackServe(reader);
    case RECORD.refuse:
      return { kind: 'refuse', id: reader.number(), error: unpackError(reader) };
  }
  throw new RangeError(`record of kind ${kind}`);
}

function packNumbers(writer: MailboxWriter, kind: number, ...numbers: readonly number[]): boolean {
  if (!writer.begin(kind)) return false;
  for (const number of numbers) writer.number(number);
  writer.end();
  return true;
}

function packRequest(writer: MailboxWriter, { id, peer, endpoint, packet }: Message<FromData, 'request'>): boolean {
  if (!writer.begin(RECORD.request)) return false;
  const isNumber = typeof peer === 'number';
  writer.number(id);
  writer.number(endpoint);
  writer.number(packet.opcode);
  writer.number(isNumber ? peer : Number.NaN);
  if (!isNumber) writer.text(peer);
  let text = packet.name + SEPARATOR + packet.mode;
  for (const { name, value } of packet.options) text += SEPARATOR + name + SEPARATOR + value;
  writer.text(text);
  writer.end();
  return true;
}

function unpackRequest(reader: MailboxReader): Message<FromData, 'request'> {
  const id = reader.number();
  const endpoint = reader.number();
  const opcode = reader.number() as RequestPacket['opcode'];
  const number = reader.number();
  const peer = Number.isNaN(number) ? reader.text() : number;
  const texts = reader.text().split(SEPARATOR);
  const packet = { opcode, name: texts[0]!, mode: texts[1]!, options: optionsOf(texts, 2) };
  return { kind: 'request', id, peer, endpoint, packet };
}

function fits(writer: MailboxWriter, { error, agreement }: Ending): boolean {
  let characters = error === undefined ? 0 : charactersOf(error);
  for (const { name, value } of agreement?.acknowledged ?? []) characters += name.length + value.length + 2;
  return writer.fits(characters);
}

function charactersOf({ message, detail = '' }: WireError): number {
  return message.length + detail.length;
}

function packEnd(writer: MailboxWriter, { id, ending }: Message<FromData, 'end'>): boolean {
  if (!writer.begin(RECORD.end)) return false;
  const { error, agreement } = ending;
  writer.number(id);
  writer.number((error ? HAS.error : 0) | (agreement ? HAS.agreement : 0) | (ending.lastAckMissing ? HAS.lastAckMissing : 0));
  writer.number(OUTCOMES.indexOf(ending.outcome));
  writer.number(ending.bytes);
  writer.number(ending.durationMs);
  writer.number(ending.rttMs ?? Number.NaN);
  writer.number(ending.retransmissions);
  if (error) packError(writer, error);
  if (agreement) {
    writer.number(agreement.blockSize);
    writer.number(agreement.windowSize);
    writer.number(agreement.rollover);
    writer.number(agreement.timeoutMs ?? Number.NaN);
    writer.text(textOf(agreement.acknowledged));
  }
  writer.end();
  return true;
}

function unpackEnd(reader: MailboxReader): Message<FromData, 'end'> {
  const id = reader.number();
  const has = reader.number();
  const ending: Omit<Ending, 'error' | 'agreement'> = {
    outcome: OUTCOMES[reader.number()]!,
    bytes: reader.number(),
    durationMs: reader.number(),
    rttMs: numberOrNothing(reader.number()),
    retransmissions: reader.number(),
    lastAckMissing: (has & HAS.lastAckMissing) !== 0,
  };
  const error = has & HAS.error ? unpackError(reader) : undefined;
  const agreement = has & HAS.agreement ? unpackAgreement(reader) : undefined;
  return { kind: 'end', id, ending: { ...ending, error, agreement } };
}

function packError(writer: MailboxWriter, { code, message, reason, detail }: WireError): void {
  writer.number(code);
  writer.number(detail === undefined ? 0 : 1);
  writer.text(message);
  writer.text(reason ?? '');
  if (detail !== undefined) writer.text(detail);
}

function unpackError(reader: MailboxReader): WireError {
  const code = reader.number();
  const hasDetail = reader.number() === 1;
  const message = reader.text();
  const reason = reader.text() as NonNullable<WireError['reason']> | '';
  return { code, message, ...(reason === '' ? {} : { reason }), ...(hasDetail ? { detail: reader.text() } : {}) };
}

function unpackAgreement(reader: MailboxReader): NonNullable<Ending['agreement']> {
  const blockSize = reader.number();
  const windowSize = reader.number();
  const rollover = reader.number() as 0 | 1;
  const timeoutMs = numberOrNothing(reader.number());
  const text = reader.text();
  const acknowledged = text === '' ? [] : optionsOf(text.split(SEPARATOR), 0);
  return { acknowledged, blockSize, windowSize, rollover, timeoutMs };
}

function packServe(writer: MailboxWriter, { id, file, limitsId }: Message<ToData, 'serve'>): boolean {
  if (!writer.begin(RECORD.serve)) return false;
  writer.number(id);
  writer.number(limitsId);
  writer.number(file.fd);
  writer.number(file.size);
  writer.text(file.version);
  writer.end();
  return true;
}

function unpackServe(reader: MailboxReader): Message<ToData, 'serve'> {
  const id = reader.number();
  const limitsId = reader.number();
  return { kind: 'serve', id, limitsId, file: { fd: reader.number(), size: reader.number(), version: reader.text() } };
}

function packRefuse(writer: MailboxWriter, { id, error }: Message<ToData, 'refuse'>): boolean {
  if (!writer.begin(RECORD.refuse)) return false;
  writer.number(id);
  packError(writer, error);
  writer.end();
  return true;
}

function numberOrNothing(number: number): number | undefined {
  return Number.isNaN(number) ? undefined : number;
}

/** Names and values by turns. */
function textOf(options: readonly Option[]): string {
  let text = '';
  for (let i = 0; i < options.length; i++)
    text += `${i === 0 ? '' : SEPARATOR}${options[i]!.name}${SEPARATOR}${options[i]!.value}`;
  return text;
}

function optionsOf(texts: readonly string[], from: number): Option[] {
  const options: Option[] = [];
  for (let i = from; i + 1 < texts.length; i += 2) options.push({ name: texts[i]!, value: texts[i + 1]! });
  return options;
}
