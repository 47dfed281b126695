/**
 * What a DHCP packet says of the machine that sent it, as plugins and Sightings see it. All of it is the client's claim.
 */
import type { Firmware } from '../base/firmware.ts';
import type { Client } from '../plugin/types.ts';
import { type BootClient, macOf } from './protocol/boot-client.ts';
import type { DhcpPort } from './protocol/offer.ts';
import type { DhcpPacket } from './protocol/packet.ts';
import type { DhcpRequest } from './request.ts';

/** Keys are left out where the packet does not say. */
export interface Facts {
  readonly mac?: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly firmware?: Firmware;
  readonly arch?: number;
}

/** @param client `undefined` if the sender is not boot firmware: then only its MAC address is known */
export function factsOf(packet: DhcpPacket, client: BootClient | undefined): Facts {
  const mac = macOf(packet);
  const { uuid, serial, arch } = client ?? {};
  const firmware = client?.isIpxe ? 'ipxe' : client?.firmware;
  return {
    ...(mac !== undefined && { mac }),
    ...(uuid !== undefined && { uuid }),
    ...(serial !== undefined && { serial }),
    ...(firmware !== undefined && { firmware }),
    ...(arch !== undefined && { arch }),
  };
}

interface Asked {
  readonly packet: DhcpPacket;
  readonly client: BootClient;
  readonly port: DhcpPort;
  readonly source: { readonly address: string; readonly port: number };
}

/** @param local the server's own address on the wire that the request came in by */
export function requestOf(
  { packet, client, port, source }: Asked,
  local: { readonly address: string; readonly port: number },
): DhcpRequest {
  return {
    protocol: 'dhcp',
    kind: 'boot',
    client: clientOf(packet, client, port === 4011 ? source : { address: packet.ciaddr, port: source.port }),
    local,
    asked: '',
    name: '',
    dhcp: { vendorClass: client.vendorClass },
  };
}

/** The address of a machine that has none yet is `0.0.0.0`. */
function clientOf(packet: DhcpPacket, client: BootClient, endpoint: Pick<Client, 'address' | 'port'>): Client {
  const facts = factsOf(packet, client);
  return {
    ...endpoint,
    ...facts,
    ...(facts.mac !== undefined && { macSource: SOURCE }),
    ...(facts.uuid !== undefined && { uuidSource: SOURCE }),
    ...(facts.serial !== undefined && { serialSource: SOURCE }),
  };
}

/** As of `identify({ dhcp: true })`. */
const SOURCE = 'dhcp';
