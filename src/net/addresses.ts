/**
 * Resolves a listen setting to the machine's current addresses.
 */
import type { NetworkInterfaceInfo } from 'node:os';
import type { ListenOn } from './listening.ts';

/** The return type of `os.networkInterfaces`. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** An address to bind. Broadcasts arrive at a separate socket, and are answered from the interface's own address. */
export interface LocalAddress {
  readonly address: string;
  /** For a broadcast address: the unicast address to reply from. */
  readonly broadcastOf: string | undefined;
  /** Set if the interface was configured by name. */
  readonly device?: string;
  /** The interface index of a link-local address. An interface that is recreated under the same name gets a new index. */
  readonly link?: number;
}

export function localAddresses(on: Exclude<ListenOn, { fd: number }>, interfaces: Interfaces): readonly LocalAddress[] {
  if ('interface' in on) {
    // `eth0:1` is a label: a second address of the device `eth0`.
    const device = on.interface.replace(/:.*$/, '');
    const locals = (interfaces[on.interface] ?? []).flatMap((info) => expand(on.interface, info));
    return locals.map((local) => ({ ...local, device }));
  }
  const family = on.address === '0.0.0.0' ? 'IPv4' : on.address === '::' ? 'IPv6' : undefined;
  if (family === undefined) return [{ address: on.address, broadcastOf: undefined }];
  const all = Object.entries(interfaces).flatMap(([name, infos]) =>
    (infos ?? []).filter((info) => info.family === family).flatMap((info) => expand(name, info)),
  );
  return unique(all);
}

/** Whether the addresses of a setting can change while the server runs. */
export function mayChange(on: ListenOn): boolean {
  return 'interface' in on || ('address' in on && (on.address === '0.0.0.0' || on.address === '::'));
}

function expand(name: string, info: NetworkInterfaceInfo): LocalAddress[] {
  // A link-local address is meaningful only with its interface (RFC 4007 §11).
  const address = info.family === 'IPv6' && info.scopeid ? `${info.address}%${name}` : info.address;
  const link = info.family === 'IPv6' && info.scopeid ? { link: info.scopeid } : {};
  const unicast = { address, broadcastOf: undefined, ...link };
  const broadcast = info.family === 'IPv4' && !info.internal ? broadcastAddress(info.address, info.netmask) : undefined;
  return broadcast === undefined ? [unicast] : [unicast, { address: broadcast, broadcastOf: address }];
}

function broadcastAddress(address: string, netmask: string): string | undefined {
  const mask = netmask.split('.').map(Number);
  // A /31 or /32 has no broadcast address (RFC 3021).
  if ((mask[3] ?? 255) >= 254) return undefined;
  return address
    .split('.')
    .map((octet, i) => Number(octet) | (~mask[i]! & 255))
    .join('.');
}

function unique(addresses: readonly LocalAddress[]): LocalAddress[] {
  const byAddress = new Map(addresses.map((local) => [local.address, local]));
  return [...byAddress.values()];
}
