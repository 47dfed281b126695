/**
 * What can be found: the stable names, and what a finding says. Pure.
 */
import type { Offer } from './offer.ts';
import type { ProbeName } from './probes.ts';
import type { Experience } from './survey.ts';

/** Stable names: scripts and the documentation refer to them. */
export const findingCodes = [
  'no-address-server',
  'no-boot-offer',
  'two-boot-offers',
  'class-without-option-43',
  'router-file-diverts',
  'router-next-server',
  'option-66-only',
  'boot-server-silent',
  'loader-not-served',
  'loader-empty',
  'transfer-port-closed',
  'transfer-silent',
  'transfer-broken',
  'large-blocks-lost',
  'snooping-suspected',
  'ipxe-skips-proxy',
  'ipxe-loads-itself',
  'class-with-tail',
  'proxy-without-class',
  'no-server-id',
  'no-message-type',
  'names-differ',
  'answer-too-long',
  'too-many-offers',
] as const;

export type FindingCode = (typeof findingCodes)[number];

export interface Finding {
  readonly code: FindingCode;
  /** `error`: a machine does not boot, or not what it should. `note`: good to know. */
  readonly severity: 'error' | 'warning' | 'note';
  /** Which kinds of machines are affected. */
  readonly firmware: readonly ProbeName[];
  /** Address of the server that is to be changed, where it is one. */
  readonly server: string | undefined;
  /** What was seen. Holds text of servers: it must be escaped before it is shown. */
  readonly seen: string;
  /** The values that go into the lines of a remedy. */
  readonly values: { readonly server?: string; readonly file?: string };
}

export interface Context {
  /** Whether the user named the machines: each of them is to boot then. */
  readonly named: boolean;
  /** Boot servers that ought to answer. */
  readonly servers: readonly string[];
}

export function finding(
  code: FindingCode,
  severity: Finding['severity'],
  { probe }: Experience,
  seen: string,
  offer?: Offer,
  values: Finding['values'] = {},
): Finding {
  return { code, severity, firmware: [probe.name], server: offer?.server ?? values.server, seen, values };
}
