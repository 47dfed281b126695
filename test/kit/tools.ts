/**
 * What a suite needs of the machine: other people's programs, files, root, IPv6. Where something is missing the suite is
 * skipped with the reason in its name; with CI set it fails instead, so that no check is ever left out in silence.
 */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, test } from 'vitest';

/** One thing that a suite cannot do without. */
export interface Need {
  /** What to tell somebody who lacks it. */
  readonly what: string;
  readonly met: boolean;
}

/** Programs that must be on the PATH. */
export function requireTools(...names: readonly string[]): readonly Need[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.map((name) => ({ what: name, met: folders.some((folder) => can(join(folder, name), constants.X_OK)) }));
}

/** Files that must be readable. */
export function requireFiles(...paths: readonly string[]): readonly Need[] {
  return paths.map((path) => ({ what: path, met: can(path, constants.R_OK) }));
}

/** Where files cannot be read without perhaps waiting, as far as Linux tells (no RWF_NOWAIT): each read is left to a thread. */
export const TMPFS = '/dev/shm';

export function requireTmpfs(): Need {
  return { what: `tmpfs at ${TMPFS}`, met: existsSync(TMPFS) && statfsSync(TMPFS).type === TMPFS_KIND };
}

/** Of linux/magic.h. */
export const TMPFS_KIND = 0x01021994;

/** Root: to make network namespaces. */
export function requireRoot(): Need {
  return { what: 'root', met: process.getuid?.() === 0 };
}

/** `::1` on the loopback interface. */
export function requireIpv6(): Need {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return { what: 'IPv6 on loopback', met: addresses.some(({ address }) => address === '::1') };
}

/** `describe`, if all needs are met. */
export function describeWith(name: string, needs: readonly Need[], body: () => void): void {
  const missing = needs.filter(({ met }) => !met).map(({ what }) => what);
  if (missing.length === 0) {
    describe(name, body);
  } else if (isCI()) {
    describe(name, () => {
      test('finds what it needs', () => {
        throw new Error(`missing: ${missing.join(', ')}`);
      });
    });
  } else {
    const reason = `skipped, missing: ${missing.join(', ')}`;
    // The default reporter does not print the names of what is skipped.
    console.warn(`${name}: ${reason}`);
    describe.skip(`${name} (${reason})`, body);
  }
}

/** Whether this is the run that decides, where nothing may be skipped or shortened. */
export function isCI(): boolean {
  return !['', '0', 'false'].includes(process.env.CI ?? '');
}

function can(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
