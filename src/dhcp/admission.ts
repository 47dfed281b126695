/**
 * Which datagrams are requests to be answered, which teach something, and which are dropped and why. Memory is bounded.
 */
import { parseAddress, parseNetwork } from '../base/address.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { type BootClient, bootClientOf, claimedAddress } from './protocol/boot-client.ts';
import { BOOTREQUEST, type DhcpPacket, decodePacket, MessageType, NO_ADDRESS, Option } from './protocol/packet.ts';
import { Rates } from './rates.ts';
import type { Arrival } from './wires.ts';

export type DhcpConfig = NonNullable<ResolvedConfig['dhcp']>;

export type DhcpDrop =
  | 'malformed'
  | 'other-client'
  | 'relay-not-allowed'
  | 'too-many-of-machine'
  | 'too-many-of-relay'
  | 'too-many';

export type Admitted =
  | { readonly kind: 'question'; readonly packet: DhcpPacket; readonly client: BootClient }
  /** A machine says which address it takes; nothing is to be answered. */
  | { readonly kind: 'claim'; readonly packet: DhcpPacket; readonly client: BootClient | undefined; readonly address: string }
  | { readonly kind: 'drop'; readonly reason: DhcpDrop; readonly packet?: DhcpPacket };

/** Whether an address is in a network of this machine's own. */
export type IsAttached = (address: string) => boolean;

export class Admission {
  readonly #machines: Rates;
  readonly #relays: Rates;
  readonly #isAttached: IsAttached;

  constructor(capacity: number, isAttached: IsAttached) {
    this.#machines = new Rates(capacity);
    this.#relays = new Rates(capacity);
    this.#isAttached = isAttached;
  }

  admit({ datagram, port }: Arrival, config: DhcpConfig, now: number): Admitted {
    const packet = decodePacket(datagram);
    if (packet === undefined || packet.op !== BOOTREQUEST) return { kind: 'drop', reason: 'malformed' };
    const client = bootClientOf(packet);
    const type = packet.options.get(Option.messageType)?.[0];
    if (port === 67 && type === MessageType.request) {
      const address = claimedAddress(packet);
      if (address !== undefined) return { kind: 'claim', packet, client, address };
    }
    const asks = port === 67 ? type === MessageType.discover : type === MessageType.request || type === MessageType.inform;
    if (client === undefined || !asks) return { kind: 'drop', reason: 'other-client', packet };
    const reason = this.#excess(packet, config, now);
    return reason === undefined ? { kind: 'question', packet, client } : { kind: 'drop', reason, packet };
  }

  #excess({ giaddr, chaddr }: DhcpPacket, { relays, limits }: DhcpConfig, now: number): DhcpDrop | undefined {
    const { perMs, requestsPerMachine, requestsPerRelay } = limits;
    if (giaddr !== NO_ADDRESS) {
      if (!this.#isAttached(giaddr) && !isIn(giaddr, relays)) return 'relay-not-allowed';
      if (!this.#relays.allows(giaddr, { most: requestsPerRelay, perMs }, now)) return 'too-many-of-relay';
    }
    const isAllowed = this.#machines.allows(chaddr.join(), { most: requestsPerMachine, perMs }, now);
    return isAllowed ? undefined : 'too-many-of-machine';
  }
}

function isIn(address: string, networks: readonly string[]): boolean {
  const parsed = parseAddress(address);
  return parsed !== undefined && networks.some((network) => parseNetwork(network)?.contains(parsed));
}
