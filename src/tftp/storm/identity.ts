/**
 * Who a machine of a storm claims to be. Unless a config lists the machines, everything follows from its number, so that a storm finds
 * what was made for it.
 */
import { isIPv4 } from 'node:net';

export interface Identity {
  /** From 1. */
  readonly number: number;
  /** `52:54:00:00:00:01` */
  readonly mac: string;
  /** As PXELINUX spells it. */
  readonly uuid: string;
  /** An IPv4 address in upper-case hexadecimal, as PXELINUX asks for it: `0A000001`. */
  readonly hexAddress: string;
  /** The name of the machine; without a config its number. */
  readonly host: string;
  /** Serial number of a Raspberry Pi. */
  readonly serial: string;
  /** Where it sends from; `undefined` leaves that to the system. */
  readonly localAddress: string | undefined;
}

/** What a config knows of a machine. */
export interface ListedMachine {
  readonly name: string;
  readonly mac?: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly address?: string;
}

export function identityOf(number: number): Identity {
  const tail = (number & 0xffffff).toString(16).padStart(6, '0');
  return {
    number,
    mac: `52:54:00:${tail.match(/../g)!.join(':')}`,
    uuid: `00000000-0000-0000-0000-525400${tail}`,
    hexAddress: `0A${tail.toUpperCase()}`,
    host: String(number),
    serial: `00${tail}`,
    localAddress: undefined,
  };
}

/**
 * The machines that a config lists. What it does not know of one follows from the machine's number.
 * @param canSendFrom whether an address belongs to this computer
 */
export function identitiesOf(machines: readonly ListedMachine[], canSendFrom: (address: string) => boolean): readonly Identity[] {
  return machines.map(({ name, mac, uuid, serial, address }, index) => ({
    ...identityOf(index + 1),
    host: name,
    ...(mac === undefined ? {} : { mac }),
    ...(uuid === undefined ? {} : { uuid: swapped(uuid) }),
    ...(serial === undefined ? {} : { serial }),
    ...(address !== undefined && isIPv4(address) ? { hexAddress: hexOf(address) } : {}),
    ...(address !== undefined && canSendFrom(address) ? { localAddress: address } : {}),
  }));
}

/** A name with the machine's `{n}`, `{mac}`, `{host}` and `{serial}` filled in. */
export function nameFor(name: string, { number, mac, host, serial }: Identity): string {
  const values: Readonly<Record<string, string>> = { n: String(number), mac: mac.replaceAll(':', '-'), host, serial };
  return name.replace(PLACEHOLDER, (_, key: string) => values[key]!);
}

/** Whether the name is another one for each machine. */
export function isPerMachine(name: string): boolean {
  return name.search(PLACEHOLDER) >= 0;
}

const PLACEHOLDER = /\{(n|mac|host|serial)\}/g;

/** PXELINUX takes the first three groups as they lie in memory, in the other byte order. */
function swapped(uuid: string): string {
  const [low = '', middle = '', high = '', ...rest] = uuid.split('-');
  const reverse = (group: string) => group.match(/../g)?.reverse().join('') ?? '';
  return [reverse(low), reverse(middle), reverse(high), ...rest].join('-');
}

function hexOf(address: string): string {
  return address
    .split('.')
    .map((octet) => Number(octet).toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}
