/**
 * The lines about machines: an ended transfer, absent names, a boot. Each is one line of the terminal's width: time, machine, and
 * what it got.
 */
import {
  type BootRecord,
  type LogRecord,
  listOf,
  numberOf,
  type OfferRecord,
  objectOf,
  type TransferRecord,
  textOf,
} from './log-record.ts';
import { type Colour, cell, cutEnd, cutMiddle, cutStart, numberCell, type Span } from './painting.ts';
import { visible } from './terminal.ts';

const TIME_WIDTH = 8;
/** `1023 KiB`, `59.9 s`, `1000 MB/s`, with the spaces before them. */
const NUMBERS = [9, 8, 10] as const;
const NUMBERS_WIDTH = 27;

interface Widths {
  readonly host: number;
  /** Width of a MAC or IP address. */
  readonly id: number;
  /** The rest after time and machine. */
  readonly rest: number;
  /** Width of the names in a transfer's line. */
  readonly names: number;
}

/** A wide terminal has space for whole MAC addresses. */
function widthsOf(columns: number): Widths {
  const wide = columns >= 140;
  const [host, id, outcome] = wide ? [20, 17, 24] : [10, 9, 8];
  const rest = columns - TIME_WIDTH - host - id - 4;
  return { host, id, rest, names: Math.max(12, Math.min(60, rest - NUMBERS_WIDTH - outcome)) };
}

/** The end of a request, in one line. */
export function transferLine(record: TransferRecord, columns: number): readonly Span[] {
  const { rest, names } = widthsOf(columns);
  const [outcome, colour] = outcomeOf(record);
  const got = record.outcome === 'completed';
  if (!got) {
    // The reason takes the space of the numbers, and if long, some of the name's.
    const shown = namesOf(record, Math.max(names, rest - outcome.length - 2));
    const width = Math.max(shown.length, Math.min(names, rest - outcome.length - 2));
    return [
      ...machineOf(record, columns),
      cell(shown, width),
      { text: `  ${cutEnd(visible(outcome), rest - width - 2)}`, colour },
    ];
  }
  const room = Math.min(names, rest - NUMBERS_WIDTH - 2 - outcome.length);
  const { bytes, ms, mbPerS } = record;
  return [
    ...machineOf(record, columns),
    cell(namesOf(record, room), room),
    numberCell(sizeText(numberOf(bytes) ?? 0), NUMBERS[0]),
    numberCell(timeText(numberOf(ms) ?? 0), NUMBERS[1], 'dim'),
    numberCell(rateText(numberOf(mbPerS)), NUMBERS[2], 'dim'),
    { text: `  ${outcome}`, colour },
  ];
}

/** A boot offer by DHCP: `offer ipxe/snponly.efi uefi-x64, binl, by port 4011`. */
export function offerLine(record: OfferRecord, columns: number): readonly Span[] {
  const { rest } = widthsOf(columns);
  const { offered, firmware, layout, answeredOn, relay } = record;
  const how = [
    ...(textOf(firmware) === undefined ? [] : [String(firmware)]),
    // The usual layout is not shown.
    ...(textOf(layout) === undefined || layout === 'direct' ? [] : [`layout ${layout}`]),
    ...(answeredOn === 4011 ? ['port 4011'] : []),
    ...(textOf(relay) === undefined ? [] : [`relay ${relay}`]),
  ].join(', ');
  const what = offered === 'disk' ? 'local disk' : visible(offered);
  const room = Math.max(12, rest - 'offer '.length - how.length - 2);
  return [
    ...machineOf(record, columns),
    { text: 'offer ', colour: 'bold' },
    { text: cutMiddle(what, room) },
    { text: `  ${cutEnd(visible(how), Math.max(0, rest - 'offer '.length - Math.min(what.length, room) - 2))}`, colour: 'dim' },
  ];
}

/** A boot request without an offer, and the reason. */
export function noOfferLine(record: LogRecord, columns: number): readonly Span[] {
  const { rest } = widthsOf(columns);
  const why = textOf(objectOf(record.error).message) ?? '';
  return [...machineOf(record, columns), { text: cutEnd(`no offer: ${visible(why)}`, rest), colour: 'dim' }];
}

/** A transfer that begins. */
export function startLine(record: LogRecord & { readonly asked: string }, columns: number): readonly Span[] {
  const { names } = widthsOf(columns);
  const size = numberOf(record.size);
  const what = size === undefined ? 'begins' : `begins, ${sizeText(size)}`;
  return [...machineOf(record, columns), cell(namesOf(record, names), names), { text: `  ${what}`, colour: 'dim' }];
}

/** A transfer in progress. */
export function underWayLine(record: LogRecord & { readonly asked: string }, columns: number): readonly Span[] {
  const { names } = widthsOf(columns);
  const { size, bytes, ageMs } = record;
  const of = numberOf(size) === undefined ? '' : ` of ${sizeText(numberOf(size)!)}`;
  const what = `${sizeText(numberOf(bytes) ?? 0)}${of}, ${timeText(numberOf(ageMs) ?? 0)}, under way`;
  return [...machineOf(record, columns), cell(namesOf(record, names), names), { text: `  ${what}` }];
}

/** Several absent names in a row, as one line. */
export function absentLine(records: readonly TransferRecord[], columns: number): readonly Span[] {
  const last = records.at(-1)!;
  if (records.length === 1) return transferLine(last, columns);
  const { rest } = widthsOf(columns);
  const same = records.every(({ asked }) => asked === last.asked);
  const count = same ? `${records.length} times not found` : `${records.length} names not found`;
  const room = rest - count.length - 2;
  const shown = same ? [last.asked] : [records[0]!.asked, last.asked];
  const each = Math.floor((room - 3) / shown.length);
  const names = room < 20 ? '' : `: ${shown.map((name) => cutMiddle(visible(name), each)).join(' … ')}`;
  return [...machineOf(last, columns), { text: `${count}${names}`, colour: 'dim' }];
}

/** A boot that is over. */
export function bootLine(record: BootRecord, columns: number): readonly Span[] {
  const { rest } = widthsOf(columns);
  const { steps, bytes, ms } = record;
  const files = steps.length + (numberOf(record.moreSteps) ?? 0);
  const counts = [
    `${files} file${files === 1 ? '' : 's'}, ${sizeText(bytes)} in ${timeText(ms)}`,
    ...counted(record.absent, 'not found'),
    ...counted(record.refused, 'refused'),
    ...counted(record.retransmissions, 'resent'),
    ...(BOOT_ENDS[String(record.ended)] ?? []),
  ].join(', ');
  const label = record.continued === true ? 'boot continues' : 'boot';
  const [first, last] = [steps[0], steps.at(-1)].map((step) => visible(String(step?.served ?? '')));
  const room = rest - label.length - counts.length - 4;
  const chains = [steps.length > 1 ? `${first} … ${last}` : last, last];
  const chain = chains.find((text) => text !== undefined && text !== '' && text.length <= room);
  return [
    ...machineOf(record, columns),
    { text: label, colour: 'bold' },
    { text: `  ${counts}`, colour: 'bold' },
    ...(chain === undefined ? [] : [{ text: `  ${chain}`, colour: 'dim' as const }]),
  ];
}

const BOOT_ENDS: Readonly<Record<string, readonly string[]>> = { again: ['started over'], cut: ['server stopped'] };

/** `15:18:26 web1       …12:34:56  ` */
function machineOf(record: LogRecord, columns: number): readonly Span[] {
  const { host, id } = widthsOf(columns);
  const name = textOf(record.host);
  const mac = textOf(record.mac);
  return [
    { text: `${clockText(record.time)} `, colour: 'dim' },
    cell(name ?? 'unknown', host, name === undefined ? 'yellow' : 'cyan'),
    { text: ' ' },
    cell(mac ?? textOf(record.client) ?? '', id, 'dim', cutStart),
    { text: '  ' },
  ];
}

/** `boot → web1/boot.ipxe`; a single name if both are the same. */
function namesOf({ asked, served, kind }: LogRecord & { readonly asked: string }, width: number): string {
  const from = visible(asked);
  const to = textOf(served) && visible(String(served));
  if (kind === 'write') return cutMiddle(`${from} (upload)`, width);
  if (to === undefined || to === from.replaceAll('\\', '/').replace(/^\/+/, '')) return cutMiddle(from, width);
  const whole = `${from} → ${to}`;
  if (whole.length <= width) return whole;
  // Each gets half; what one does not need goes to the other.
  const half = Math.floor((width - 3) / 2);
  const left = Math.max(half, width - 3 - to.length);
  const right = Math.max(width - 3 - left, width - 3 - from.length);
  return `${cutMiddle(from, Math.min(left, width - 3 - Math.min(right, to.length)))} → ${cutMiddle(to, right)}`;
}

function outcomeOf(record: TransferRecord): readonly [string, Colour] {
  const { outcome, kind, bytes, ms, retransmissions, lastAckMissing } = record;
  const { message, cause } = objectOf(record.error);
  // The client was sent the message; the cause has more details.
  const why = textOf(cause) ?? textOf(message) ?? '';
  const after = `after ${sizeText(numberOf(bytes) ?? 0)}, ${timeText(numberOf(ms) ?? 0)}`;
  switch (outcome) {
    case 'completed': {
      const remarks = [...counted(retransmissions, 'resent'), ...(lastAckMissing === true ? ['last ACK missing'] : [])];
      return [[kind === 'write' ? 'stored' : 'sent', ...remarks].join(', '), 'green'];
    }
    case 'probed':
      return ['size probe', 'dim'];
    case 'aborted':
      return [`client gave up ${after}${why === '' ? '' : `: ${why}`}`, 'yellow'];
    case 'refused':
      return objectOf(record.error).code === 1 ? ['not found', 'dim'] : [`refused: ${why}`, 'red'];
    default:
      return [`failed ${after}${why === '' ? '' : `: ${why}`}`, 'red'];
  }
}

function counted(value: unknown, what: string): string[] {
  const count = numberOf(value) ?? 0;
  return count > 0 ? [`${count} ${what}`] : [];
}

/** `15:18:26`, local time. */
export function clockText(time: number): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** `1.4 MiB`, in eight characters at most. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  for (; value >= 1023.5 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : short(value)} ${units[unit]}`;
}

/** `12 ms`, `1.5 s`, `3.2 min` */
export function timeText(ms: number): string {
  if (ms < 999.5) return `${ms < 10 ? short(ms) : Math.round(ms)} ms`;
  return ms < 99_500 ? `${short(ms / 1000)} s` : `${short(ms / 60_000)} min`;
}

/** `112 MB/s`, `7 kB/s`; empty if no time has passed. */
function rateText(mbPerS: number | undefined): string {
  if (mbPerS === undefined) return '';
  return mbPerS < 0.1 ? `${Math.round(mbPerS * 1000) || '<1'} kB/s` : `${short(mbPerS)} MB/s`;
}

/** Two or three digits. */
function short(value: number): string {
  return value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}

/** The trace of a request: the answer of each hook. */
export function routeLines(record: LogRecord, columns: number): readonly (readonly Span[])[] {
  return listOf(record.trace).map((entry) => {
    const { plugin, hook, before, after, note, error, ms } = objectOf(entry);
    const answer = error === undefined ? (textOf(after) ?? 'no answer') : `failed: ${error}`;
    const remark = textOf(note) === undefined ? '' : `, ${note}`;
    const took = timeText(numberOf(ms) ?? 0);
    const text = visible(`${hook} ${textOf(plugin) ?? 'root directory'}: ${before} → ${answer}${remark}`);
    return [
      {
        text: `${' '.repeat(TIME_WIDTH + 1)}${cutEnd(text, columns - TIME_WIDTH - took.length - 4)}  ${took}`,
        colour: 'dim' as const,
      },
    ];
  });
}
