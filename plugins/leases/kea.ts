/**
 * The lease file of Kea's memfile backend, for DHCPv4 and DHCPv6 (Kea's manual, "Memfile - basic storage for leases"): CSV whose
 * first line names the columns; these differ between versions. A comma within a value is written `&#x2c`.
 *
 *     address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context
 *     192.168.7.50,52:54:00:12:34:56,01:52:54:00:12:34:56,3600,1795514400,1,0,0,web1,0,
 *
 * Every change is appended; a lease that was deleted or released is written with a lifetime of 0. States: 0 assigned, 1 declined,
 * 2 expired and reclaimed, 3 released, 4 registered (an address that a DHCPv6 client chose itself, RFC 9686). Lifetimes are in
 * seconds, 4294967295 forever; `expire` is in seconds since the epoch.
 *
 * Lease file cleanup (kea-lfc) moves older entries: the file becomes `.1`, and that and `.2` become `.completed`, which becomes `.2`.
 */
import { type LineFormat, macInDuid, makeLease, secondsToMs } from './lease.ts';

const forever = '4294967295';
const inUse = ['', '0', '4'];
/** DHCPv6: a delegated prefix is not the address of a machine. */
const prefixDelegation = '2';

export const kea: LineFormat = {
  kind: 'lines',
  name: 'kea',
  appended: true,
  older: ['.1', '.completed', '.2'],
  recognises: (line) => /^address,(?:hwaddr|duid),/.test(line),
  reader: (onLease) => {
    let columns: ReadonlyMap<string, number> = new Map();
    return (line) => {
      const values = line.split(',');
      if (values[0] === 'address') {
        columns = new Map(values.map((name, index) => [name, index]));
        return;
      }
      const value = (column: string): string => values[columns.get(column) ?? -1] ?? '';
      if (value('lease_type') === prefixDelegation) return;
      const lifetime = value('valid_lifetime');
      const endless = lifetime === forever;
      const expireMs = secondsToMs(value('expire'));
      const taken = lifetime !== '0' && inUse.includes(value('state'));
      const mac = value('hwaddr') || macInDuid(value('duid'));
      const untilMs = endless ? Number.POSITIVE_INFINITY : expireMs;
      const lease = makeLease(value('address'), taken ? mac : undefined, untilMs, expireMs - secondsToMs(lifetime));
      if (lease) onLease(lease);
    };
  },
};
