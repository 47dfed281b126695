/**
 * Selectors, by which a config selects machines: `52:54:00:12:34:56`, `52:54:00:*`, `192.168.7.20`, `192.168.7.0/24`, `uuid:…`,
 * `serial:…`, `name:pxelinux.cfg/*`, `default`. It does not know what the machines get.
 */
import {
  cleanName,
  hostBitsProblem,
  type MacPattern,
  type Network,
  parseAddress,
  parseMac,
  parseMacPattern,
  parseNetwork,
  parseSerial,
} from 'pxe/kit';
import { type Glob, parseGlob } from '../lib/glob.ts';
import { isName } from '../lib/name.ts';

export type Selector =
  | { readonly kind: 'mac' | 'uuid' | 'serial' | 'address'; readonly value: string }
  | { readonly kind: 'pattern'; readonly pattern: MacPattern }
  | { readonly kind: 'network'; readonly network: Network }
  | { readonly kind: 'name'; readonly glob: Glob }
  | { readonly kind: 'default' };

const selectorMessage =
  'expected a MAC address (52:54:00:12:34:56), a MAC pattern (52:54:00:*), an IP address, a network (192.168.7.0/24), uuid:…, serial:…, name:… or default';

/**
 * The error of a selector; `undefined` if it is valid. A key can mean a machine or a network, so an address with the prefix
 * length of its network is ambiguous and refused.
 */
export function selectorProblem(written: string): string | undefined {
  return hostBitsProblem(written) ?? (parseSelector(written) === undefined ? selectorMessage : undefined);
}

export function parseSelector(written: string): Selector | undefined {
  if (written === 'default') return { kind: 'default' };
  const [, kind, value = ''] = /^(uuid|serial|name):(.+)$/s.exec(written) ?? [];
  switch (kind) {
    case 'uuid':
      return UUID.test(value) ? { kind, value: value.toLowerCase() } : undefined;
    case 'serial':
      return { kind, value: parseSerial(value) };
    case 'name':
      return isName(value) ? { kind, glob: parseGlob(cleanName(value, 'any')) } : undefined;
  }
  const mac = parseMac(written);
  if (mac !== undefined) return { kind: 'mac', value: mac };
  const address = parseAddress(written);
  if (address) return { kind: 'address', value: address.text };
  const pattern = parseMacPattern(written);
  if (pattern) return { kind: 'pattern', pattern };
  const network = parseNetwork(written);
  return network && { kind: 'network', network };
}

/** Equal for two spellings of one selector. */
export function selectorKey(selector: Selector): string {
  switch (selector.kind) {
    case 'mac':
    case 'uuid':
    case 'serial':
    case 'address':
      return `${selector.kind} ${selector.value}`;
    case 'pattern':
      return `pattern ${selector.pattern.places} ${selector.pattern.key}`;
    case 'network':
      return `network ${selector.network.family} ${selector.network.bits} ${selector.network.prefix}`;
    case 'name':
      return `name ${selector.glob.pattern}`;
    case 'default':
      return 'default';
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
