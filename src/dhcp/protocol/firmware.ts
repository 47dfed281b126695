/**
 * Maps processor architecture types (option 93: RFC 4578 §2.1, RFC 5970 §3.3 and IANA's registry) to kinds of firmware.
 */

/** A kind of firmware, by its name in `boot`. */
export type Firmware =
  | 'bios'
  | 'uefi-ia32'
  | 'uefi-x64'
  | 'uefi-arm32'
  | 'uefi-arm64'
  | 'uefi-riscv32'
  | 'uefi-riscv64'
  | 'uefi-loongarch64'
  | 'raspberry-pi'
  | 'ipxe';

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

/** `undefined` for a type that no network-booting machine is known to send. */
export function architectureOf(type: number): Architecture | undefined {
  return ARCHITECTURES[type];
}
