/**
 * Converts a requested name to the name to look up. Pure: it does not use the file system; the code that opens the name still
 * confines it.
 *
 * A name is handled as its components. Each rule below returns the remaining components or throws.
 */
import { NOT_FOUND, Refusal } from '../base/refusal.ts';
import { accessViolation } from './fault.ts';

/** A rule for the components of a name: returns the remaining ones, or throws the `Refusal` of the name. */
export type NameRule = (components: readonly string[]) => readonly string[];

/** Linux' PATH_MAX. Longer names are dropped before any work is spent on them. */
const MAX_NAME_LENGTH = 4096;

/** NAME_MAX of every usual file system. */
const MAX_COMPONENT_BYTES = 255;

/**
 * The name to look up, relative and with `/`: `\Boot\BCD` becomes `Boot/BCD`. Clean names are unchanged. Percent signs are
 * literal. Throws a `Refusal`: `forbidden` for a `..`, `not-found` for a name that no servable file can have.
 *
 * @param platform as in `process.platform`: on `win32`, some names mean devices or streams.
 */
export function cleanName(asked: string, platform: string = process.platform): string {
  const { name, unservable } = readName(asked, platform);
  if (unservable !== undefined) throw unservable;
  return name;
}

/** A parsed name. `unservable` is the refusal of a name that no servable file can have; plugins may still rewrite it. */
export interface ReadName {
  readonly name: string;
  readonly unservable: Refusal | undefined;
}

/**
 * The same, without refusing names that no file can have. Throws a `Refusal`: `forbidden` for a `..`, `not-found` for a name that
 * is too long.
 */
export function readName(asked: string, platform: string = process.platform): ReadName {
  if (asked.length > MAX_NAME_LENGTH) throw NOT_FOUND;
  if (platform !== 'win32' && CLEAN.test(asked)) return { name: asked, unservable: undefined };
  let components: readonly string[] = asked.split(SEPARATOR);
  for (const rule of cleaning) components = rule(components);
  const name = components.join('/');
  try {
    for (const rule of platform === 'win32' ? windowsLimits : limits) components = rule(components);
    return { name, unservable: undefined };
  } catch (error) {
    if (error instanceof Refusal) return { name, unservable: error };
    throw error;
  }
}

/** Names that no rule changes or refuses; most names are. */
const CLEAN = /^[\w+-][\w.+-]{0,254}(?:\/[\w+-][\w.+-]{0,254})*$/;

/** Windows' boot manager and shim write `\`. */
const SEPARATOR = /[/\\]/;

/** GRUB requests `//boot/grub.cfg`; many clients send a leading `/`. */
export const dropEmpty: NameRule = (components) => components.filter((component) => component !== '' && component !== '.');

/**
 * Many ROMs copy DHCP option 67, which does not end in a NUL, together with the bytes after it: 0xFF, control bytes, and white
 * space after those. White space alone is kept, because a file name may end in it.
 */
export const dropTrailingJunk: NameRule = (components) => {
  const kept = [...components];
  for (let last = kept.pop(); last !== undefined; last = kept.pop()) {
    const clean = withoutTrailingJunk(last);
    // If a component was only junk, the previous one is now the last.
    if (clean === '' || clean === '.') continue;
    kept.push(clean);
    break;
  }
  return kept;
};

const PARENT = Object.freeze(accessViolation('".." in the name'));

export const refuseParents: NameRule = (components) => {
  if (components.includes('..')) throw PARENT;
  return components;
};

/** Inside a name they serve only attacks: a NUL ends a C string, an escape sequence reaches a terminal. */
export const refuseControls: NameRule = (components) => {
  if (components.some((component) => CONTROL.test(component))) throw NOT_FOUND;
  return components;
};

export const refuseOverlong: NameRule = (components) => {
  if (components.some((component) => new TextEncoder().encode(component).length > MAX_COMPONENT_BYTES)) throw NOT_FOUND;
  return components;
};

/** `C:x` is a drive, `x::$DATA` a stream, `NUL.txt` a device, and `x.` and `x ` are `x`. */
export const refuseWindowsNames: NameRule = (components) => {
  if (components.some((component) => WINDOWS_SPECIAL.test(component) || WINDOWS_DEVICE.test(component))) throw NOT_FOUND;
  return components;
};

export const refuseNothing: NameRule = (components) => {
  if (components.length === 0) throw NOT_FOUND;
  return components;
};

const cleaning = [dropEmpty, dropTrailingJunk, refuseParents];
const limits = [refuseControls, refuseOverlong, refuseNothing];
const windowsLimits = [...limits, refuseWindowsNames];

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const WINDOWS_SPECIAL = /[:<>"|?*]|[. ]$/;
const WINDOWS_DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\.|$)/i;

/** A loop, not a pattern: on a hostile name a pattern would start again at every character. */
function withoutTrailingJunk(component: string): string {
  let end = component.length;
  for (let at = end - 1; at >= 0; at--) {
    const char = component[at]!;
    // 0xFF is never valid UTF-8, so it arrives as U+00FF if names are read as Latin-1, otherwise as U+FFFD.
    if (CONTROL.test(char) || char === '\u00ff' || char === '\ufffd') end = at;
    else if (!/\s/.test(char)) break;
  }
  return component.slice(0, end);
}
