/**
 * Which program a machine is to load, of all that the entries that it matches say. The first that says something for the machine's
 * firmware decides, the most specific entry first, as with `files`.
 *
 * iPXE, once loaded, asks as well. It never gets iPXE: it would load itself again and again. An entry that names nothing but iPXE says
 * nothing for it, and the search goes on.
 */
import type { BootAnswer, BootLayout, Firmware } from 'pxe';
import { loaderKind } from 'pxe/kit';
import type { BootByFirmware, BootEntry, BootTarget } from './boot-options.ts';
import { type BootClientFacts, bootFillable } from './fill.ts';

/** What was found. */
export interface BootChoice {
  /** `false`: no offer, by the config's own word. `undefined`: no entry says anything for this firmware. */
  readonly answer: BootAnswer | false | undefined;
  /** The loader that iPXE did not get, since it is, or may be, iPXE. */
  readonly circle?: string | undefined;
}

/** What one entry says, read once. */
export class BootTargets {
  readonly layout: BootLayout | undefined;
  readonly #byFirmware: BootByFirmware;

  constructor({ boot, layout }: BootEntry) {
    this.#byFirmware = typeof boot === 'object' ? boot : { default: boot };
    this.layout = layout;
  }

  /** Files and URLs for other programs than iPXE. */
  get loaders(): readonly string[] {
    return Object.entries(this.#byFirmware).flatMap(([name, target]) =>
      name === 'ipxe' || typeof target !== 'string' || target === 'disk' ? [] : [target],
    );
  }

  /** `isOwn`: it stands under the firmware's own name. */
  for(firmware: Firmware | undefined): { readonly target: BootTarget; readonly isOwn: boolean } | undefined {
    const own = firmware && this.#byFirmware[firmware];
    if (own !== undefined) return { target: own, isOwn: true };
    const { default: fallback } = this.#byFirmware;
    return fallback === undefined ? undefined : { target: fallback, isOwn: false };
  }

  /** To be compared. */
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

/** Whether iPXE that got this might run in a circle. Of a name that tells nothing, the config's own entry for iPXE decides. */
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

/** What to write, for the log and for `pxe explain`. */
export function circleNote(loader: string): string {
  const example = `boot: { ipxe: 'menu.ipxe', default: ${JSON.stringify(loader).replaceAll('"', "'")} }`;
  return `iPXE asks, and ${JSON.stringify(loader)} would load iPXE again: name its script, as in ${example}`;
}
