/**
 * What the name of a file tells of the machine that asks for it: a MAC address, a UUID or a serial number. It is the client's claim:
 * anybody can ask for any name.
 */
import { parseMac } from 'pxe';
import { isOfOneMachine } from './leases/lease.ts';

/** What a name claims of the machine. */
export interface Claims {
  readonly mac?: string;
  readonly uuid?: string;
  readonly serial?: string;
}

/** All that a name claims; `undefined` if that is nothing. */
export function claimsInName(name: string): Claims | undefined {
  const [mac, uuid, serial] = [macInName(name), uuidInName(name), serialInName(name)];
  if ((mac ?? uuid ?? serial) === undefined) return undefined;
  return {
    ...(mac === undefined ? {} : { mac }),
    ...(uuid === undefined ? {} : { uuid }),
    ...(serial === undefined ? {} : { serial }),
  };
}

/**
 * Reads `pxelinux.cfg/01-52-54-00-12-34-56`, `grub/grub.cfg-01-52-54-00-12-34-56`, `52:54:00:12:34:56/kernel`,
 * `boot-52-54-00-12-34-56.ipxe`, `525400123456.cfg` and `SEP525400123456.cnf.xml`: PXELINUX, U-Boot, GRUB, iPXE's `${net0/mac}`,
 * `${net0/mac:hexhyp}` and `${net0/mac:hexraw}`, a Raspberry Pi with TFTP_PREFIX=2, phones.
 */
export function macInName(name: string): string | undefined {
  for (const component of name.split('/')) {
    for (const spelling of macSpellings) {
      const mac = parseMac(spelling.exec(component)?.[1] ?? '');
      if (mac !== undefined && isOfOneMachine(mac)) return mac;
    }
  }
  return undefined;
}

/**
 * Reads `pxelinux.cfg/1a5fc6b1-5d2b-0e4f-9c55-0123456789ab` and, anywhere else, iPXE's `${uuid}`. PXELINUX prints the octets in the
 * order in which SMBIOS stores them, and all others the first three groups in the order of RFC 9562, as `dmidecode` and iPXE show
 * them: PXELINUX's are brought into that.
 */
export function uuidInName(name: string): string | undefined {
  const [, folder, found] = uuidSpelling.exec(name) ?? [];
  const uuid = found?.toLowerCase();
  if (uuid === undefined || /^[0-]+$|^[f-]+$/.test(uuid)) return undefined;
  return folder === undefined ? uuid : uuid.replace(/^(..)(..)(..)(..)-(..)(..)-(..)(..)/, '$4$3$2$1-$6$5-$8$7');
}

/** Reads `d1f0c2aa/start4.elf`: a Raspberry Pi puts the last eight digits of its serial number before every name. */
export function serialInName(name: string): string | undefined {
  return /^([0-9a-f]{8})\//.exec(name)?.[1];
}

const macSpellings = [
  // `01` is ARP's number for Ethernet: PXELINUX, GRUB, U-Boot.
  /(?:^|[^0-9a-f])01-((?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?![0-9a-f])(?!-[0-9a-f]{2}(?![0-9a-z]))/i,
  // Not within a longer row of pairs.
  /(?<![0-9a-f])(?<!(?:^|[^0-9a-z])[0-9a-f]{2}-)((?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?![0-9a-f])(?!-[0-9a-f]{2}(?![0-9a-z]))/i,
  /(?<![0-9a-f:])((?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?![0-9a-f:])/i,
  // All of a component but for its endings: a UUID ends in twelve digits, too.
  /^(?:sep)?([0-9a-f]{12})(?:\..*)?$/i,
];

const uuidSpelling =
  /(?:(^|\/)pxelinux\.cfg\/)?(?<![0-9a-f-])([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?![0-9a-f-])/i;
