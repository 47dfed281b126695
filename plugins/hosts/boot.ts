/**
 * Chooses the program that a machine loads. Of the entries that match the machine, the most specific one with a target for its
 * firmware decides, as with `files`.
 *
 * iPXE, once loaded, sends a DHCP request as well. It is never offered iPXE, because it would load itself again and again. For
 * iPXE, an entry that names only iPXE has no target, and the search goes on.
 */
import type { BootAnswer, BootLayout, Firmware } from 'pxe';
import { loaderKind } from 'pxe/kit';
import type { BootByFirmware, BootEntry, BootTarget } from './boot-options.ts';
import { type BootClientFacts, bootFillable } from './fill.ts';

/** The result of the search. */
export interface BootChoice {
  /** `false`: the config says that nothing is offered. `undefined`: no entry has a target for this firmware. */
  readonly answer: BootAnswer | false | undefined;
  /** The loader withheld from iPXE because it is, or may be, iPXE. */
  readonly circle?: string | undefined;
}

/** The boot targets of one entry, parsed once. */
export class BootTargets {
  readonly layout: BootLayout | undefined;
  readonly #byFirmware: BootByFirmware;

  constructor({ boot, layout }: BootEntry) {
    this.#byFirmware = typeof boot === 'object' ? boot : { default: boot };
    this.layout = layout;
  }

  /** Targets for firmware, not for iPXE. */
  get loaders(): readonly string[] {
    return Object.entries(this.#byFirmware).flatMap(([name, target]) =>
      name === 'ipxe' || typeof target !== 'string' || target === 'disk' ? [] : [target],
    );
  }

  /** `isOwn`: the target is given under the firmware's own name. */
  for(firmware: Firmware | undefined): { readonly target: BootTarget; readonly isOwn: boolean } | undefined {
    const own = firmware && this.#byFirmware[firmware];
    if (own !== undefined) return { target: own, isOwn: true };
    const { default: fallback } = this.#byFirmware;
    return fallback === undefined ? undefined : { target: fallback, isOwn: false };
  }

  /** A value for comparison. */
  given(facts: BootClientFacts): unknown {
    const fill = (target: BootTarget | undefined) => (typeof target === 'string' ? bootFillable(target)(facts) : target);
    return [this.layout, Object.entries(this.#byFirmware).map(([name, target]) => [name, fill(target)])];
  }
}

/** @param entries the most specific first */
export function chooseBoot(entries: readonly BootTargets[], firmware: Firmware | undefined, facts: BootClientFacts): BootChoice {
  const layout = entries.find((entry) => entry.layout !== undefined)?.layout;
  let circle: string | undefined;
  for (const entry of entries) {
    const found = entry.for(firmware);
    if (found === undefined) continue;
    const { target, isOwn } = found;
    if (target === false) return { answer: false };
    if (target === 'disk') return { answer: 'disk' };
    if (firmware === 'ipxe' && mayBeIpxe(target, isOwn, entries)) {
      circle ??= target;
      continue;
    }
    const file = bootFillable(target)(facts);
    if (file !== undefined) return { answer: { file, layout } };
  }
  return { answer: undefined, circle };
}

/**
 * Whether iPXE might load itself again with this target. If the name does not show it, an entry of the config for iPXE decides.
 */
function mayBeIpxe(target: string, isOwn: boolean, entries: readonly BootTargets[]): boolean {
  switch (loaderKind(target)) {
    case 'ipxe':
      return true;
    case 'ipxe-script':
    case 'pxelinux':
    case 'syslinux':
    case 'grub':
    case 'windows':
    case 'raspberry-pi':
    case 'u-boot':
    case 'kernel':
      return false;
    // A shim may start iPXE.
    case 'shim':
    case undefined:
      return !isOwn || entries.some(({ loaders }) => loaders.includes(target));
  }
}

/** Advice for the log and for `pxe explain`. */
export function circleNote(loader: string): string {
  const example = `boot: { ipxe: 'menu.ipxe', default: ${JSON.stringify(loader).replaceAll('"', "'")} }`;
  return `iPXE asks, and ${JSON.stringify(loader)} would load iPXE again: name its script, as in ${example}`;
}
