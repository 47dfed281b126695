/**
 * The facts that a match is based on, for plugins that trust fewer sources than `hosts` does.
 */
import type { FactName } from 'pxe';
import { parseAddress } from 'pxe/kit';
import type { ClientFacts } from './fill.ts';
import type { Selector } from './selector.ts';

/**
 * The facts by which a machine matches an entry; each alone is sufficient.
 * @returns an empty list if it matches by its address, by the requested name, or as every machine does
 */
export function factsBehind(selectors: readonly Selector[], facts: ClientFacts, name: string): readonly FactName[] {
  const behind = selectors.map((selector) => factBehind(selector, facts, name)).filter((fact) => fact !== undefined);
  return behind.includes('none') ? [] : (behind as FactName[]);
}

/** `none`: the selector matches without a fact. `undefined`: it does not match. */
function factBehind(
  selector: Selector,
  { mac, uuid, serial, address }: ClientFacts,
  name: string,
): FactName | 'none' | undefined {
  switch (selector.kind) {
    case 'mac':
      return selector.value === mac ? 'mac' : undefined;
    case 'uuid':
      return selector.value === uuid ? 'uuid' : undefined;
    case 'serial':
      return selector.value === serial ? 'serial' : undefined;
    case 'pattern':
      return mac !== undefined && selector.pattern.matches(mac) ? 'mac' : undefined;
    case 'address':
      return selector.value === address ? 'none' : undefined;
    case 'network': {
      const parsed = address === undefined ? undefined : parseAddress(address);
      return parsed && selector.network.contains(parsed) ? 'none' : undefined;
    }
    case 'name':
      return selector.glob.match(name) === undefined ? undefined : 'none';
    case 'default':
      return 'none';
  }
}
