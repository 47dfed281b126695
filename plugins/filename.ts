/**
 * A MAC address in the name of the file asked for. It is the client's claim: anybody can ask for any name.
 */
import { parseMac } from 'pxe';

/**
 * Reads `pxelinux.cfg/01-52-54-00-12-34-56`, `grub/grub.cfg-01-52-54-00-12-34-56`, `52:54:00:12:34:56/kernel`,
 * `52-54-00-12-34-56.ipxe`, `525400123456.cfg` and `SEP525400123456.cnf.xml`.
 */
export function macInName(name: string): string | undefined {
  for (const component of name.split('/')) {
    for (const spelling of spellings) {
      const mac = parseMac(spelling.exec(component)?.[1] ?? '');
      if (mac !== undefined && isOfOneMachine(mac)) return mac;
    }
  }
  return undefined;
}

const spellings = [
  // `01` is ARP's number for Ethernet: PXELINUX, GRUB, U-Boot.
  /(?:^|[^0-9a-f])01-((?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?![0-9a-f-])/i,
  /^((?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?![0-9a-f-])/i,
  /^((?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?![0-9a-f:])/i,
  // All of a component but for its endings: a UUID ends in twelve digits, too.
  /^(?:sep)?([0-9a-f]{12})(?:\..*)?$/i,
];

/** Not a group address, and not all zeros. */
function isOfOneMachine(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0 && mac !== '00:00:00:00:00:00';
}
