/**
 * The program that a shim loads: its name is compiled into the shim, and it is in the same folder.
 */
import type { Firmware } from '../base/firmware.ts';
import type { ResolvedConfig } from '../config/resolve.ts';

const SUFFIXES: Partial<Readonly<Record<Firmware, string>>> = { 'uefi-x64': 'x64', 'uefi-arm64': 'aa64', 'uefi-ia32': 'ia32' };
/** `ipxe-shimx64.efi`, `snponly-shim.efi`: the shim that comes with the signed iPXE. */
const IPXE_SHIM = /^(?:.*ipxe.*|snp|snponly)-?shim[a-z\d]*\.efi/i;

/**
 * The name that it asks for, then those that `normalize` takes for it, where the config has that plugin.
 * @param shim the name under the root
 * @param firmware that the shim is for. An empty list where no shim is known for it
 */
export function secondStages(
  shim: string,
  firmware: Firmware | undefined,
  { plugins }: Pick<ResolvedConfig, 'plugins'>,
): readonly string[] {
  const slash = shim.lastIndexOf('/') + 1;
  const [folder, file] = [shim.slice(0, slash), shim.slice(slash)];
  if (IPXE_SHIM.test(file)) {
    const isNormalized = plugins.some(({ plugin }) => plugin.name === 'normalize');
    const beside = [file.replace(/-?shim[a-z\d]*(?=\.efi)/i, ''), 'ipxe.efi'].map((one) => folder + one);
    // In the root, whatever the shim was loaded from.
    return [...new Set(['ipxe.efi', ...(isNormalized ? beside : [])])];
  }
  const suffix = firmware && SUFFIXES[firmware];
  return suffix === undefined ? [] : [`${folder}grub${suffix}.efi`];
}
