/**
 * What kinds of machines ask for when they boot: which requests, in which order, with which options in which order, as firmware
 * and boot loaders were recorded (`test/data/vectors.txt`). What comes of a request is not known here.
 */

import type { PeerKey } from '../../base/peer.ts';
import type { AskedOptions } from '../client/options.ts';
import type { Identity } from './identity.ts';

/** A file on a server. */
export interface StormFile {
  readonly server: PeerKey;
  readonly name: string;
}

/** One request. */
export interface Step extends StormFile {
  /**
   * `fetch`: the file is needed. `probe`: only its size, see {@link ProbeTransfer}. `search`: it may be absent; if it is not,
   * the searches that follow at once are skipped.
   */
  readonly kind: 'fetch' | 'probe' | 'search';
  readonly options: AskedOptions;
  /** Further copies of the request, a few milliseconds apart, whatever the server answers. */
  readonly repeats?: number;
}

/** The requests of one boot of a machine. */
export type Profile = (files: readonly StormFile[], machine: Identity) => Step[];

export const PROFILE_NAMES = ['edk2', 'ipxe', 'grub', 'uboot', 'pxelinux', 'rpi'] as const;

export type ProfileName = (typeof PROFILE_NAMES)[number];

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  /** UEFI: asks for the size, gives up, and asks for the file. */
  edk2: (files) =>
    files.flatMap((file) => [
      { ...file, kind: 'probe', options: { transferSize: 0, blockSize: 1468, windowSize: 4 } },
      { ...file, kind: 'fetch', options: { blockSize: 1468, windowSize: 4 } },
    ]),
  ipxe: (files) => files.map(fetch({ blockSize: 1432, transferSize: 0 })),
  grub: (files) => files.map(fetch({ blockSize: 1024, transferSize: 0 })),
  uboot: (files) => files.map(fetch({ timeoutSeconds: 5, transferSize: 0, blockSize: 1468 })),
  /** The ROM loads the first file; that one searches its configuration beside itself, and loads the rest. */
  pxelinux: ([first, ...rest], machine) => {
    if (!first) return [];
    const options: AskedOptions = { transferSize: 0, blockSize: 1408 };
    const folder = first.name.slice(0, first.name.lastIndexOf('/') + 1);
    const search = (name: string): Step => ({ ...first, name: `${folder}pxelinux.cfg/${name}`, kind: 'search', options });
    return [fetch({ blockSize: 1432, transferSize: 0 })(first), ...configNames(machine).map(search), ...rest.map(fetch(options))];
  },
  rpi: (files) => files.map((file) => ({ ...fetch({ transferSize: 0, blockSize: 1024 })(file), repeats: 3 })),
};

function fetch(options: AskedOptions): (file: StormFile) => Step {
  return (file) => ({ ...file, kind: 'fetch', options });
}

/** PXELINUX: the most particular name first. */
function configNames({ uuid, mac, hexAddress }: Identity): string[] {
  const byAddress = Array.from(hexAddress, (_, cut) => hexAddress.slice(0, hexAddress.length - cut));
  return [uuid, `01-${mac.replaceAll(':', '-')}`, ...byAddress, 'default'];
}
