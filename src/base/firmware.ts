/**
 * The kinds of firmware that boot from a network, by their names in a config, and the processor architecture types by which they
 * tell themselves apart (DHCP option 93: RFC 4578 §2.1, RFC 5970 §3.3 and IANA's registry).
 */

/** In the order in which people are told of them. */
export const firmwares = [
  'bios',
  'uefi-x64',
  'uefi-arm64',
  'uefi-ia32',
  'uefi-arm32',
  'uefi-riscv64',
  'uefi-riscv32',
  'uefi-loongarch64',
  'raspberry-pi',
  'ipxe',
] as const;

/** A kind of firmware, by its name in `boot`; `ipxe` is the program, whatever firmware has loaded it. */
export type Firmware = (typeof firmwares)[number];

export function isFirmware(value: unknown): value is Firmware {
  return firmwares.some((name) => name === value);
}

interface Architecture {
  readonly firmware: Firmware;
  /** Boots by HTTP, so it is offered a URL. */
  readonly http?: true;
}

const http = (firmware: Firmware): Architecture => ({ firmware, http: true });

const ARCHITECTURES: Readonly<Record<number, Architecture>> = {
  0: { firmware: 'bios' },
  6: { firmware: 'uefi-ia32' },
  7: { firmware: 'uefi-x64' },
  // Registered for XScale, but some x64 machines send it.
  8: { firmware: 'uefi-x64' },
  // EBC in the registry, x64 as printed in RFC 4578 (errata 4624): x64 machines send both.
  9: { firmware: 'uefi-x64' },
  10: { firmware: 'uefi-arm32' },
  11: { firmware: 'uefi-arm64' },
  15: http('uefi-ia32'),
  16: http('uefi-x64'),
  17: http('uefi-x64'),
  18: http('uefi-arm32'),
  19: http('uefi-arm64'),
  20: http('bios'),
  25: { firmware: 'uefi-riscv32' },
  26: http('uefi-riscv32'),
  27: { firmware: 'uefi-riscv64' },
  28: http('uefi-riscv64'),
  39: { firmware: 'uefi-loongarch64' },
  40: http('uefi-loongarch64'),
  41: { firmware: 'raspberry-pi' },
};

/** The type that PXE firmware of this kind sends; `undefined` for iPXE, which sends that of the machine. */
export function typeOf(firmware: Firmware): number | undefined {
  // Each Raspberry Pi sends the type of a BIOS.
  if (firmware === 'raspberry-pi') return 0;
  const found = Object.entries(ARCHITECTURES).find(([, one]) => one.firmware === firmware && one.http !== true);
  return found && Number(found[0]);
}

/** `undefined` for a type that no network-booting machine is known to send. */
export function architectureOf(type: number): Architecture | undefined {
  return ARCHITECTURES[type];
}
