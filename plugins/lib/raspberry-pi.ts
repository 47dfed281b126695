/**
 * The names that Raspberry Pis request when they boot from the network: each begins with a folder that TFTP_PREFIX chooses, the
 * last eight digits of the serial number (`d1f0c2aa/start4.elf`), a MAC address (`dc-a6-32-12-34-56/…`) or free text, for which
 * some users write all 16 digits. Pis are recognised by the form of the name; MAC addresses are not sufficient, because new
 * ranges are assigned every few years.
 */

export interface PiName {
  /** The first folder, without a slash. */
  readonly folder: string;
  /** The name without the folder. */
  readonly rest: string;
  /** Whether only the firmware requests this file; otherwise another machine might have a folder of that form. */
  readonly isFirmware: boolean;
}

/** Reads a name of that form. */
export function parsePiName(name: string): PiName | undefined {
  const [, folder, rest] = FORM.exec(name) ?? [];
  if (folder === undefined || rest === undefined) return undefined;
  return { folder, rest, isFirmware: FIRMWARE_FILE.test(rest) };
}

/** Whether a MAC address, or a folder named after one, is in a range that Raspberry Pi has used so far. */
export function isPiMac(written: string): boolean {
  return PI_MAC.test(written);
}

const FORM = /^([0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5})\/(.+)$/i;
const PI_MAC = /^(?:b8[:-]27[:-]eb|dc[:-]a6[:-]32|e4[:-]5f[:-]01|28[:-]cd[:-]c1|d8[:-]3a[:-]dd|2c[:-]cf[:-]67|88[:-]a2[:-]9e)/i;

/** Boot stages, their settings, device trees, and the kernels that they start by default. */
const FIRMWARE_FILE = new RegExp(
  `^(?:${[
    'bootcode\\w*\\.bin',
    'start\\w*\\.elf',
    'fixup\\w*\\.dat',
    'recover[a-z]*\\w*\\.(?:elf|bin|img)',
    '(?:config|cmdline|autoboot|tryboot|bootcfg|bootconf)\\.txt',
    'boot\\.(?:img|sig)',
    'kernel\\w*\\.img',
    'initramfs\\w*',
    'armstub[\\w-]*\\.bin',
    'dt-blob\\.bin',
    '(?:pieeprom|vl805)\\.(?:bin|upd|sig)',
    '[\\w-]+\\.dtb',
    'overlays/[\\w-]+\\.dtbo?',
    'u-boot\\.bin',
    'RPI_EFI\\.fd',
  ].join('|')})$`,
  'i',
);
