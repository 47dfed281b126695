/**
 * What kind of program a boot file is, as far as its name tells. Such names have hardly changed in twenty years: boot loaders come
 * with them, and documentation repeats them.
 */

export type LoaderKind =
  /** The program iPXE, or gPXE before it. */
  | 'ipxe'
  | 'ipxe-script'
  | 'pxelinux'
  /** Syslinux for UEFI. */
  | 'syslinux'
  | 'grub'
  /** Starts GRUB, or whatever lies beside it, under Secure Boot. */
  | 'shim'
  | 'u-boot'
  | 'raspberry-pi'
  | 'windows'
  | 'kernel';

const KINDS: readonly (readonly [LoaderKind, RegExp])[] = [
  ['ipxe-script', /\.ipxe$/],
  // Before iPXE: `ipxe-shimx64.efi` is a shim. Debian's installer calls its own `bootnetx64.efi`.
  ['shim', /shim.*\.efi|^bootnet.*\.efi/],
  [
    'ipxe',
    /\.k{1,3}pxe$|^(?:ipxe|gpxe|snp|snponly|undionly)\b.*\.(?:efi|pxe|lkrn|bin|0)|ipxe.*\.(?:efi|pxe|lkrn)$|^netboot\.xyz.*\.efi$/,
  ],
  ['pxelinux', /pxelinux(?:\.0|\.bin)?$/],
  ['syslinux', /^syslinux.*\.(?:efi|0)$/],
  ['grub', /^(?:grub|core|i386-pc).*\.(?:efi|0|img|pxe)(?:\.signed)?$|^grub2pxe$/],
  ['u-boot', /^u-boot.*|\.scr(?:\.uimg)?$/],
  ['raspberry-pi', /^bootcode\.bin$|^start\d?\w*\.elf$/],
  ['windows', /^(?:wds|wdsnbp|wdsmgfw|bootmgfw|bootmgr|pxeboot|abortpxe|startrom).*\.(?:com|n12|efi|exe|0)$/],
  ['kernel', /^(?:vmlinu[xz]|bzimage|linux|kernel).*$/],
];

/** @param name a file's name or a URL */
export function loaderKind(name: string): LoaderKind | undefined {
  const path = name.includes('://') ? name.replace(/[?#].*$/, '') : name;
  const file = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  return KINDS.find(([, pattern]) => pattern.test(file))?.[0];
}
