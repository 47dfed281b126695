/**
 * Reads a MAC address, a UUID or a serial number from a requested file name. It is only the client's claim: any client can
 * request any name.
 */
import { parseMac, parseSerial } from 'pxe/kit';
import { isOfOneMachine } from './leases/lease.ts';
import { parsePiName } from './lib/raspberry-pi.ts';

/** What a name claims about the machine. */
export interface Claims {
  readonly mac?: string;
  readonly uuid?: string;
  readonly serial?: string;
}

/** All claims of a name; `undefined` if there are none. */
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
 * `boot-52-54-00-12-34-56.ipxe`, `525400123456.cfg`, `MAC-525400123456.ipxe` and `SEP525400123456.cnf.xml`: PXELINUX, U-Boot, GRUB,
 * iPXE's `${net0/mac}`, `${net0/mac:hexhyp}` and `${net0/mac:hexraw}`, netboot.xyz, a Raspberry Pi with TFTP_PREFIX=2, Solaris, phones.
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
 * Reads `pxelinux.cfg/1a5fc6b1-5d2b-0e4f-9c55-0123456789ab` and, anywhere else, iPXE's `${uuid}`. PXELINUX prints the octets in
 * the order in which SMBIOS stores them. All others, `dmidecode` and iPXE among them, print the first three groups in the order
 * of RFC 9562; PXELINUX's UUIDs are converted to that order.
 */
export function uuidInName(name: string): string | undefined {
  const [, folder, found] = uuidSpelling.exec(name) ?? [];
  const uuid = found?.toLowerCase();
  if (uuid === undefined || /^[0-]+$|^[f-]+$/.test(uuid)) return undefined;
  return folder === undefined ? uuid : uuid.replace(/^(..)(..)(..)(..)-(..)(..)-(..)(..)/, '$4$3$2$1-$6$5-$8$7');
}

/**
 * Reads `d1f0c2aa/start4.elf`: a Raspberry Pi puts the last eight digits of its serial number before every name. All 16 digits
 * are accepted before the name of a firmware file.
 */
export function serialInName(name: string): string | undefined {
  const { folder = '', isFirmware } = parsePiName(name) ?? {};
  return (isFirmware ? /^(?:[0-9a-f]{8}|[0-9a-f]{16})$/ : /^[0-9a-f]{8}$/).test(folder) ? parseSerial(folder) : undefined;
}

const macSpellings = [
  // `01` is ARP's number for Ethernet: PXELINUX, GRUB, U-Boot.
  /(?:^|[^0-9a-f])01-((?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?![0-9a-f])(?!-[0-9a-f]{2}(?![0-9a-z]))/i,
  // Not part of a longer sequence of pairs.
  /(?<![0-9a-f])(?<!(?:^|[^0-9a-z])[0-9a-f]{2}-)((?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?![0-9a-f])(?!-[0-9a-f]{2}(?![0-9a-z]))/i,
  /(?<![0-9a-f:])((?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?![0-9a-f:])/i,
  // Twelve digits alone are seldom a MAC address: a UUID ends in twelve, and a commit hash or a date may have them. They count if
  // they are a whole component without its extensions, …
  /^([0-9a-f]{12})(?:\..*)?$/i,
  // … after a known prefix: of iPXE menus, Cisco, Grandstream, Linksys, Obihai, Alcatel-Lucent, Panasonic, Mitel and Snom phones,
  // …
  /^(?:mac[-_.]?|(?:ctl|itl)?sep|sip|ata|cfg|spa|obi|(?:sip)?config[-_.]?|mn_|snom[0-9a-z]{2,5}-)([0-9a-f]{12})(?![0-9a-z])/i,
  // … after ARP's number for Ethernet, which Solaris writes without a dash, …
  /^(?:(?:menu\.(?:lst|conf)|grub\.cfg)\.01|(?:grub\.cfg-)?01-)([0-9a-f]{12})(?:\..*)?$/i,
  // … or before a known suffix, as Polycom and Yealink phones name their settings and logs.
  /^([0-9a-f]{12})[-_](?:[0-9a-z]+[-_])?(?:registration|reg|phone|sip|ext|web|app|boot|user|device|site|license|directory|contacts?|calls|features|local|lync|cloud|flash|all)(?:\..*)?$/i,
];

const uuidSpelling =
  /(?:(^|\/)pxelinux\.cfg\/)?(?<![0-9a-f-])([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?![0-9a-f-])/i;
