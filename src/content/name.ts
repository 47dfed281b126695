/**
 * Turns the name that a client asked for into a name to look for. Pure: it knows no file system and cannot tell whether a file
 * exists; a name that passes is still confined by the code that opens it.
 *
 * A name is handled as its components. Each rule below takes them and either returns what is left or throws.
 */
import { NOT_FOUND, Refusal } from '../base/refusal.ts';
import { accessViolation } from './fault.ts';

/** A rule for the components of a name: returns those to go on with, or throws the `Refusal` that refuses the name. */
export type NameRule = (components: readonly string[]) => readonly string[];

/** Linux' PATH_MAX. Longer names are dropped before any work is spent on them. */
const MAX_NAME_LENGTH = 4096;

/** NAME_MAX of every usual file system. */
const MAX_COMPONENT_BYTES = 255;

/**
 * The name to look for, relative and with `/`: `\Boot\BCD` becomes `Boot/BCD`. Clean names stay as they are. Percent signs mean nothing.
 * Throws a `Refusal`: `forbidden` for a `..`, `not-found` for a name that no servable file can have.
 *
 * @param platform as in `process.platform`: `win32` has names that reach devices and streams.
 */
export function cleanName(asked: string, platform: string = process.platform): string {
  const { name, unservable } = readName(asked, platform);
  if (unservable !== undefined) throw unservable;
  return name;
}

/** A name as it was read; `unservable` is the refusal of one that no servable file can have: rules may still make another of it. */
export interface ReadName {
  readonly name: string;
  readonly unservable: Refusal | undefined;
}

/** The same, before it is decided whether a file can be named so. Throws a `Refusal`: `forbidden` for a `..`, `not-found` for a name beyond all bounds. */
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

/** What no rule would change or refuse, as most names are. */
const CLEAN = /^[\w+-][\w.+-]{0,254}(?:\/[\w+-][\w.+-]{0,254})*$/;

/** Windows' boot manager and shim write `\`. */
const SEPARATOR = /[/\\]/;

/** GRUB asks for `//boot/grub.cfg`; many clients put a `/` in front. */
export const dropEmpty: NameRule = (components) => components.filter((component) => component !== '' && component !== '.');

/**
 * Many ROMs copy DHCP option 67, which has no NUL, together with what follows it: 0xFF, control bytes, and whatever white space
 * comes after those. White space alone is left: a file may be named so.
 */
export const dropTrailingJunk: NameRule = (components) => {
  const kept = [...components];
  for (let last = kept.pop(); last !== undefined; last = kept.pop()) {
    const clean = withoutTrailingJunk(last);
    // A component that was nothing but junk: the one before it is now the last.
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

/** Inside a name they are of use only to confuse: a NUL ends a C string, an escape sequence reaches a terminal. */
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
    // 0xFF is never valid UTF-8, so it arrives as U+00FF where names are read as Latin-1, or as U+FFFD.
    if (CONTROL.test(char) || char === '\u00ff' || char === '\ufffd') end = at;
    else if (!/\s/.test(char)) break;
  }
  return component.slice(0, end);
}
