/**
 * The program that a shim loads: its name is compiled into the shim, and it lies in the same folder.
 */
import type { Firmware } from '../base/firmware.ts';

const SUFFIXES: Partial<Readonly<Record<Firmware, string>>> = { 'uefi-x64': 'x64', 'uefi-arm64': 'aa64', 'uefi-ia32': 'ia32' };

/**
 * @param shim the name under the root
 * @param firmware that the shim is for. `undefined` where no shim is known for it
 */
export function secondStage(shim: string, firmware: Firmware | undefined): string | undefined {
  const slash = shim.lastIndexOf('/') + 1;
  const [folder, file] = [shim.slice(0, slash), shim.slice(slash)];
  // iPXE's signed shim asks for this in the root, whatever it was loaded from; `normalize` finds it beside the shim.
  if (/ipxe/i.test(file)) return 'ipxe.efi';
  const suffix = firmware && SUFFIXES[firmware];
  return suffix === undefined ? undefined : `${folder}grub${suffix}.efi`;
}
