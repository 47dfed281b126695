/**
 * A client as it stands in a line of the log: its address, what the config calls it, and what it is known by. Its port goes beside.
 */
import type { Client } from 'pxe';

export function clientFields({ address, host, mac, macSource, uuid, uuidSource, serial, serialSource }: Client) {
  return { client: address, host: host?.name, mac, macSource, uuid, uuidSource, serial, serialSource };
}
