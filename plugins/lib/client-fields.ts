/**
 * The log fields of a client: its address, its name in the config, and its identities. The caller adds the port.
 */
import type { Client } from 'pxe';

export function clientFields({ address, host, mac, macSource, uuid, uuidSource, serial, serialSource }: Client) {
  return { client: address, host: host?.name, mac, macSource, uuid, uuidSource, serial, serialSource };
}
