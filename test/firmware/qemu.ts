/** The machines that QEMU can be: firmware, network card, and the flags that make them boot from the network without a key pressed. */
import { type Need, requireFiles, requireTools } from '../kit/tools.ts';

/** - `bios`: SeaBIOS and an iPXE in the card's ROM. - `uefi-*`: EDK2, by PXE, by HTTP Boot, or with Secure Boot on. */
export type Firmware =
  | 'bios'
  | 'uefi-x64'
  | 'uefi-x64-http'
  | 'uefi-x64-secure'
  | 'uefi-x64-secure-http'
  | 'uefi-arm64'
  | 'uefi-arm64-http';

export interface Command {
  readonly args: readonly string[];
  /** The file that holds the firmware's variables at first: to be copied for each machine. */
  readonly variables?: string;
}

/** The ROM's PCI id is that of a virtio 1 card, `disable-legacy=on`. */
export const IPXE_ROM = '/usr/lib/ipxe/qemu/pxe-virtio.rom';

const OVMF = '/usr/share/OVMF';
const X64 = { code: `${OVMF}/OVMF_CODE_4M.fd`, variables: `${OVMF}/OVMF_VARS_4M.fd` };
/** With Microsoft's certificates enrolled. */
const X64_SECURE = { code: `${OVMF}/OVMF_CODE_4M.secboot.fd`, variables: `${OVMF}/OVMF_VARS_4M.ms.fd` };
const ARM64 = { code: '/usr/share/AAVMF/AAVMF_CODE.fd', variables: '/usr/share/AAVMF/AAVMF_VARS.fd' };

/** The first boot entry is HTTP's only if PXE is off (QEMU's documentation of the firmware configuration device). */
const HTTP_BOOT = ['IPv4', 'IPv6'].flatMap((version) => ['-fw_cfg', `name=opt/org.tianocore/${version}PXESupport,string=no`]);

/** What a machine of this firmware needs of the computer that it is simulated on. */
export function needsOf(firmware: Firmware): readonly Need[] {
  switch (firmware) {
    case 'bios':
      return [...requireTools('qemu-system-x86_64'), ...requireFiles(IPXE_ROM)];
    case 'uefi-x64':
    case 'uefi-x64-http':
      return [...requireTools('qemu-system-x86_64'), ...requireFiles(X64.code, X64.variables)];
    case 'uefi-x64-secure':
    case 'uefi-x64-secure-http':
      return [...requireTools('qemu-system-x86_64'), ...requireFiles(X64_SECURE.code, X64_SECURE.variables)];
    case 'uefi-arm64':
    case 'uefi-arm64-http':
      return [...requireTools('qemu-system-aarch64'), ...requireFiles(ARM64.code, ARM64.variables)];
  }
}

export function qemu(firmware: Firmware, { tap, mac, variables }: { tap: string; mac: string; variables: string }): Command {
  const bare = ['-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio', '-no-reboot'];
  const wire = ['-netdev', `tap,id=wire,ifname=${tap},script=no,downscript=no`];
  const card = (kind: string, ...properties: readonly string[]) => [
    ...wire,
    ...['-device', [kind, 'netdev=wire', `mac=${mac}`, ...properties].join(',')],
  ];
  const flash = (code: string) => [
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${code}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${variables}`],
  ];
  // Not KVM: where it is nested, the firmware's first instructions may be more than it can emulate.
  const x64 = ['qemu-system-x86_64', '-accel', 'tcg', ...bare];
  const arm64 = ['qemu-system-aarch64', '-M', 'virt', '-cpu', 'cortex-a57', '-m', '512', ...bare, '-device', 'virtio-rng-pci'];
  const http = firmware.endsWith('-http') ? HTTP_BOOT : [];
  const efiCard = card('virtio-net-pci', 'romfile=', 'bootindex=0');
  switch (firmware) {
    case 'bios':
      // Without graphics SeaBIOS copies what is written to the screen to the serial port, iPXE's console too.
      return {
        args: [
          ...[...x64, '-m', '256', '-machine', 'pc,graphics=off', '-boot', 'order=n'],
          ...card('virtio-net-pci', 'disable-legacy=on', `romfile=${IPXE_ROM}`),
        ],
      };
    case 'uefi-x64':
    case 'uefi-x64-http':
      return {
        args: [...x64, '-m', '512', '-machine', 'q35', '-boot', 'strict=on', ...flash(X64.code), ...http, ...efiCard],
        variables: X64.variables,
      };
    case 'uefi-x64-secure':
    case 'uefi-x64-secure-http':
      return {
        args: [
          ...[
            ...x64,
            '-m',
            '512',
            '-machine',
            'q35,smm=on',
            '-boot',
            'strict=on',
            ...flash(X64_SECURE.code),
            ...http,
            ...efiCard,
          ],
          ...['-global', 'driver=cfi.pflash01,property=secure,value=on', '-global', 'ICH9-LPC.disable_s3=1'],
        ],
        variables: X64_SECURE.variables,
      };
    case 'uefi-arm64':
    case 'uefi-arm64-http':
      return { args: [...arm64, ...flash(ARM64.code), ...http, ...efiCard], variables: ARM64.variables };
  }
}
