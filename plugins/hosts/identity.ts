/**
 * Which machines selectors mean, and whether the sources of a config can identify a client as one of them.
 */
import type { IdentitySource, Machine } from 'pxe';
import type { Selector } from './selector.ts';

/** The facts that distinguish a machine from others. */
export type Exact = Pick<Machine, 'mac' | 'uuid' | 'serial' | 'address'>;

/**
 * The facts known for certain about the machine that these selectors mean: one entry for each of its MAC addresses, or for each
 * IP address if it has none. Patterns, networks and names yield nothing.
 */
export function exactIn(selectors: readonly Selector[]): readonly Exact[] {
  const of = (kind: keyof Exact) =>
    selectors.flatMap((selector) => (selector.kind === kind && 'value' in selector ? [selector.value] : []));
  const [macs, addresses] = [of('mac'), of('address')];
  const [uuid] = of('uuid');
  const [serial] = of('serial');
  const rest = { ...(uuid === undefined ? {} : { uuid }), ...(serial === undefined ? {} : { serial }) };
  const [address] = addresses;
  if (macs.length > 0) return macs.map((mac) => ({ mac, ...rest, ...(address === undefined ? {} : { address }) }));
  if (addresses.length > 0) return addresses.map((one) => ({ ...rest, address: one }));
  return uuid === undefined && serial === undefined ? [] : [rest];
}

/** Whether a trusted source of the config can provide this fact. */
export function canBeKnown(
  kind: 'mac' | 'uuid' | 'serial',
  sources: readonly IdentitySource[],
  trust: readonly string[] | undefined,
): boolean {
  return sources.some(
    ({ source, tells }) =>
      tells.includes(kind) &&
      (trust === undefined ||
        source === undefined ||
        trust.some((trusted) => trusted === source || trusted.startsWith(`${source}:`) || source.startsWith(`${trusted}:`))),
  );
}
