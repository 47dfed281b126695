/**
 * Which machines selectors mean, and whether a config can ever find out that a client is one of them.
 */
import type { IdentitySource, Machine } from 'pxe';
import type { Selector } from './selector.ts';

/** What tells one machine from others. */
export type Exact = Pick<Machine, 'mac' | 'uuid' | 'serial' | 'address'>;

/**
 * What is certain to be known of the machine that these selectors mean: once for each of its MAC addresses, or of its addresses where it
 * has none; nothing for patterns, networks and names.
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

/** Whether any of a config's sources that are trusted can find out this of a client. */
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
