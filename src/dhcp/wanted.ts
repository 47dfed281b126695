/**
 * Which sockets a config asks for on the machine's interfaces as they are now. Pure.
 */
import { type Network, parseNetwork } from '../base/address.ts';
import type { Interfaces } from '../net/addresses.ts';
import type { Wire } from '../net/wire-sockets.ts';

/** What a config says about sockets. */
export interface WiresSettings {
  /** Names of interfaces; every one with an IPv4 address if left out. */
  readonly interfaces?: readonly string[] | undefined;
  readonly bootServerOnly: boolean;
  /** Networks of relays. Only relays send to the DHCP port of an address; without any, that is left to others. */
  readonly relays: readonly string[];
  readonly ports: { readonly dhcp: number; readonly bootServer: number };
}

/** An interface to serve. */
export interface Served {
  readonly device: string;
  /** Its IPv4 addresses; broadcasts are answered from the first. */
  readonly addresses: readonly string[];
  readonly networks: readonly Network[];
}

export interface Wanted {
  /** The same for the same socket; differs after an interface was recreated under its name. */
  readonly key: string;
  readonly kind: 'broadcast' | 'unicast' | 'boot-server';
  readonly wire: Wire;
  readonly port: number;
}

/** What the system's sockets can do, and what others do with the port. */
export interface SocketFacts {
  readonly broadcastHearsUnicast: boolean;
  deviceNumber(name: string): number | undefined;
  /** Whether another process hears what is sent to this address at the DHCP port. */
  isTaken(address: string): boolean;
}

/** In the order of the config, or of the system. */
export function servedInterfaces({ interfaces: names }: WiresSettings, interfaces: Interfaces): readonly Served[] {
  // Machines boot through the loopback interface in tests alone, which name it.
  const all = Object.keys(interfaces).filter((name) => interfaces[name]?.some(({ internal }) => !internal));
  const byDevice = new Map<string, Served>();
  for (const name of new Set(names ?? all)) {
    const infos = (interfaces[name] ?? []).filter(({ family }) => family === 'IPv4');
    if (infos.length === 0) continue;
    // `eth0:1` is a label: a second address of the device `eth0`.
    const device = name.replace(/:.*$/, '');
    const before = byDevice.get(device);
    byDevice.set(device, {
      device,
      addresses: [...(before?.addresses ?? []), ...infos.map(({ address }) => address)],
      networks: [...(before?.networks ?? []), ...infos.flatMap(({ cidr }) => parseNetwork(cidr ?? '') ?? [])],
    });
  }
  return [...byDevice.values()];
}

export function wantedSockets(settings: WiresSettings, served: readonly Served[], facts: SocketFacts): readonly Wanted[] {
  const { bootServerOnly, relays, ports } = settings;
  return served.flatMap(({ device, addresses }) => {
    const socket = (kind: Wanted['kind'], address: string, port: number): Wanted => {
      const link = kind === 'broadcast' ? (facts.deviceNumber(device) ?? address) : address;
      return { key: `${kind} ${device} ${link} ${port}`, kind, wire: { device, address }, port };
    };
    const hearsRelays = relays.length > 0 && !facts.broadcastHearsUnicast;
    const unicast = hearsRelays ? addresses.filter((address) => !facts.isTaken(address)) : [];
    return [
      ...(bootServerOnly
        ? []
        : [socket('broadcast', addresses[0]!, ports.dhcp), ...unicast.map((address) => socket('unicast', address, ports.dhcp))]),
      ...addresses.map((address) => socket('boot-server', address, ports.bootServer)),
    ];
  });
}
