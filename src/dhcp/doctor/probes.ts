/**
 * The requests of each kind of firmware, option by option as captured from real machines. Pure.
 */
import { addressBytes, BOOTREQUEST, BROADCAST, type DhcpFields, MessageType, Option, textBytes } from '../protocol/packet.ts';
import { PxeTag } from '../protocol/pxe-options.ts';

/** The machines that can be played; `uefi-http` is x64 UEFI that boots by HTTP. */
export const probeNames = ['bios', 'uefi-x64', 'uefi-arm64', 'uefi-http', 'ipxe', 'raspberry-pi'] as const;

export type ProbeName = (typeof probeNames)[number];

/** What differs from one request of a machine to the next. */
export interface Identity {
  readonly xid: number;
  readonly mac: readonly number[];
  /** SMBIOS UUID, as it stands in the packet. */
  readonly uuid: Uint8Array;
}

/** How the machine picks among the answers. */
export type Selection = 'edk2' | 'edk2-http' | 'ipxe' | 'raspberry-pi';

export interface Probe {
  readonly name: ProbeName;
  readonly title: string;
  readonly selection: Selection;
  /** The class that an answer must repeat. */
  readonly vendorClass: 'PXEClient' | 'HTTPClient';
  readonly order: readonly number[];
  readonly options: Readonly<Record<number, readonly number[]>>;
}

const text = (value: string): readonly number[] => [...textBytes(value)];
const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const PXE_TAIL = range(128, 135);
const SIZE = [0x05, 0xc0];
/** RFC 2132's parameter request lists. The odd 235 in that of UEFI HTTP Boot is an uninitialized byte of EDK2. */
const EDK2_LIST = [...range(1, 6), 12, 13, 15, 17, 18, 22, 23, 28, ...range(40, 43), 50, 51, 54, ...range(58, 60)];
const IPXE_LIST = [1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, ...PXE_TAIL, 175, 203];
const PI_LIST = [1, 3, 43, 60, 66, 67, ...PXE_TAIL];
/** Bus, version and features of iPXE's ROM for an Intel e1000. */
const IPXE_MARKS = [
  ...[177, 5, 1, 0x80, 0x86, 0x10, 0x0e, 235, 3, 1, 0, 0, 23, 1, 1, 34, 1, 1, 19, 1, 1, 17, 1, 1, 39, 1, 1],
  ...[25, 1, 1, 41, 1, 1, 16, 1, 2, 33, 1, 1, 21, 1, 1, 24, 1, 1, 18, 1, 1],
];
const ROM_ORDER = [53, 57, 93, 94, 60, 55, 61, 97];

/** The machines in the order in which people are told of them. */
export const probes: Readonly<Record<ProbeName, Probe>> = {
  bios: {
    name: 'bios',
    title: 'BIOS',
    selection: 'ipxe',
    vendorClass: 'PXEClient',
    order: ROM_ORDER,
    options: { 57: SIZE, 93: [0, 0], 94: [1, 2, 1], 60: text('PXEClient:Arch:00000:UNDI:002001'), 55: IPXE_LIST },
  },
  'uefi-x64': uefi('uefi-x64', 'x64 UEFI', 7),
  'uefi-arm64': uefi('uefi-arm64', 'arm64 UEFI', 11),
  'uefi-http': {
    ...uefi('uefi-http', 'x64 UEFI HTTP Boot', 16),
    selection: 'edk2-http',
    vendorClass: 'HTTPClient',
    options: { ...uefi('uefi-http', '', 16).options, 60: classOf('HTTPClient', 16), 55: [...EDK2_LIST, 235, 67, 97] },
  },
  ipxe: {
    name: 'ipxe',
    title: 'iPXE',
    selection: 'ipxe',
    vendorClass: 'PXEClient',
    order: [53, 57, 93, 94, 60, 77, 55, 175, 61, 97],
    options: {
      ...{ 57: SIZE, 93: [0, 0], 94: [1, 2, 1], 60: text('PXEClient:Arch:00000:UNDI:002001') },
      ...{ 77: text('iPXE'), 55: IPXE_LIST, 175: IPXE_MARKS },
    },
  },
  'raspberry-pi': {
    name: 'raspberry-pi',
    title: 'Raspberry Pi',
    selection: 'raspberry-pi',
    vendorClass: 'PXEClient',
    order: [53, 55, 93, 94, 97, 60],
    options: { 55: PI_LIST, 93: [0, 0], 94: [1, 2, 1], 60: text('PXEClient:Arch:00000:UNDI:002001') },
  },
};

/**
 * What the machine broadcasts to port 67.
 * @param flags those of the machine, unless it cannot be answered by unicast: the address that it is offered is not this host's
 */
export function discover(probe: Probe, identity: Identity, flags = BROADCAST): DhcpFields {
  return {
    op: BOOTREQUEST,
    xid: identity.xid,
    chaddr: Uint8Array.from(identity.mac),
    flags,
    options: optionsOf(probe, identity),
  };
}

/** A server at port 4011, as the machine addresses it. */
export interface BootServer {
  /** Option 54 of its offer. */
  readonly id: string;
  /** Type and layer of the entry of its menu that is chosen. */
  readonly item: Uint8Array | undefined;
}

/**
 * What the machine sends to port 4011 of a boot server. It asks for no address, and takes none.
 * @param address the sender's own
 */
export function bootServerRequest(probe: Probe, identity: Identity, address: string, { id, item }: BootServer): DhcpFields {
  const isEdk2 = probe.selection === 'edk2';
  const changed: Readonly<Record<number, Uint8Array>> = {
    [Option.messageType]: Uint8Array.of(MessageType.request),
    // iPXE repeats the class of the offer.
    ...(isEdk2 ? {} : { [Option.vendorClass]: textBytes(probe.vendorClass) }),
  };
  const own = optionsOf(probe, identity).map(([code, value]): Pair => [code, changed[code] ?? value]);
  const item43: readonly Pair[] = item ? [[Option.vendorInfo, Uint8Array.of(PxeTag.bootItem, item.length, ...item, 255)]] : [];
  const server: readonly Pair[] = isEdk2 || item ? [] : [[Option.serverId, addressBytes(id)]];
  return {
    op: BOOTREQUEST,
    xid: identity.xid,
    chaddr: Uint8Array.from(identity.mac),
    flags: isEdk2 ? 0 : BROADCAST,
    ciaddr: address,
    options: [...(isEdk2 ? own.sort(([one], [other]) => one - other) : own), ...item43, ...server],
  };
}

type Pair = DhcpFields['options'][number];

function optionsOf(probe: Probe, { mac, uuid }: Identity): DhcpFields['options'] {
  const own: Readonly<Record<number, readonly number[]>> = {
    ...probe.options,
    [Option.messageType]: [MessageType.discover],
    61: [1, ...mac],
    [Option.clientGuid]: [0, ...uuid],
  };
  return probe.order.map((code) => [code, Uint8Array.from(own[code] ?? [])]);
}

function uefi(name: ProbeName, title: string, arch: number): Probe {
  return {
    name,
    title,
    selection: 'edk2',
    vendorClass: 'PXEClient',
    order: [53, 57, 55, 97, 94, 93, 60],
    options: {
      57: SIZE,
      55: [...EDK2_LIST, 66, 67, 97, ...PXE_TAIL],
      94: [1, 3, 0],
      93: [0, arch],
      60: classOf('PXEClient', arch),
    },
  };
}

function classOf(name: string, arch: number): readonly number[] {
  return text(`${name}:Arch:${String(arch).padStart(5, '0')}:UNDI:003000`);
}
