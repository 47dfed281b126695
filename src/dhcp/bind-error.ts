/**
 * What to tell the operator where the service cannot have what it needs of the machine, and what to do about it.
 */
import type { Interfaces } from '../net/addresses.ts';

/** Another process has the DHCP port and does not share it. */
export const unshared = `two solutions:
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
