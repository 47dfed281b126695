/**
 * Log records and their kinds, for the lines that a person reads. Fields are checked, not trusted: a plugin may log under any
 * message.
 */

/** A line of the log as JSON. */
export interface LogRecord {
  /** pino's number: 30 is info, 40 a warning, 50 an error. */
  readonly level: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The end of a request. */
export interface TransferRecord extends LogRecord {
  readonly client: string;
  readonly asked: string;
  readonly outcome: string;
}

export interface BootRecord extends LogRecord {
  readonly client: string;
  readonly steps: readonly { readonly served?: unknown }[];
  readonly bytes: number;
  readonly ms: number;
}

/** A boot offer by DHCP. */
export interface OfferRecord extends LogRecord {
  readonly offered: string;
}

export function isOffer(record: LogRecord): record is OfferRecord {
  return record.msg === 'boot offered' && typeof record.offered === 'string';
}

/** A boot request by DHCP without an offer. */
export function isNoOffer(record: LogRecord): boolean {
  return record.msg === 'boot not offered';
}

export function isTransfer(record: LogRecord): record is TransferRecord {
  const { client, asked, outcome } = record;
  return [client, asked, outcome].every((field) => typeof field === 'string');
}

export function isStart(record: LogRecord): record is LogRecord & { readonly client: string; readonly asked: string } {
  return record.msg === 'transfer started' && typeof record.client === 'string' && typeof record.asked === 'string';
}

/** A transfer in progress, as listed by SIGUSR1. */
export function isUnderWay(record: LogRecord): record is LogRecord & { readonly client: string; readonly asked: string } {
  return record.msg === 'transfer under way' && typeof record.client === 'string' && typeof record.asked === 'string';
}

export function isBoot(record: LogRecord): record is BootRecord {
  const { msg, client, steps, bytes, ms } = record;
  return (
    msg === 'boot' && typeof client === 'string' && Array.isArray(steps) && typeof bytes === 'number' && typeof ms === 'number'
  );
}

/** A request for a name that does not exist: boot loaders search. */
export function isAbsent({ outcome, error }: TransferRecord): boolean {
  return outcome === 'refused' && objectOf(error).code === 1;
}

/** The fields of an object; empty for any other value. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
