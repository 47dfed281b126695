/**
 * What to tell the operator where the service cannot have what it needs of the machine, and what to do about it.
 */
import type { Interfaces } from '../net/addresses.ts';
import type { Wanted } from './wanted.ts';

/** What to do where a socket cannot be had, by Node's code; `undefined` where the service knows no more than the message says. */
export function remedyOf(code: string, { kind, wire }: Wanted): string | undefined {
  switch (code) {
    case 'EACCES':
      return 'let systemd grant it (AmbientCapabilities=CAP_NET_BIND_SERVICE in the .service unit)';
    case 'EADDRINUSE':
      return kind === 'boot-server' ? undefined : UNSHARED;
    case 'EPERM':
      return `not permitted to bind a socket to ${wire.device}: grant CAP_NET_RAW, or serve one interface with tftp: { transport: 'portable' }`;
  }
  return undefined;
}

/** Another process has the DHCP port and does not share it. */
const UNSHARED = `two solutions:
  let the DHCP server of this host share the port:  bind-interfaces in dnsmasq's configuration
  answer on port 4011 alone:  dhcp: { bootServerOnly: true } in the config, and let that DHCP server send option 60 "PXEClient"`;

/** Another process has the DHCP port and shares it: both hear broadcasts, and unicasts are left to it. */
export const PORT_TAKEN =
  'another DHCP server runs on this host: requests that a relay forwards reach it alone, broadcasts reach both servers';

export function noSuchInterface(name: string, interfaces: Interfaces): Error {
  const known = Object.keys(interfaces).filter((one) => interfaces[one]?.some(({ family }) => family === 'IPv4'));
  const message = `dhcp.interfaces: interface "${name}" has no IPv4 address; interfaces that have one: ${known.join(', ') || 'none'}`;
  return Object.assign(new Error(message), { code: 'ENODEV' });
}
