/**
 * Blocks that fit the path to a client, where the config tells how long its packets may be. It clamps for the networks named and
 * for nobody else: smaller blocks are slower ones.
 */
import { parseAddress, parseNetwork } from '../base/address.ts';
import type { TransferLimits } from './protocol/transfer.ts';

const IP_HEADER_BYTES = { ipv4: 20, ipv6: 40 };
const UDP_AND_TFTP_BYTES = 8 + 4;

/**
 * What a client is granted at most, by its address.
 * @param mtu bytes of a packet by network in CIDR notation; the narrowest network that holds the client counts
 */
export function limitsByNetwork(
  mtu: Readonly<Record<string, number>>,
  limits: TransferLimits,
): (address: string) => TransferLimits {
  const networks = Object.entries(mtu).map(([written, bytes]) => {
    const network = parseNetwork(written)!;
    const fitting = bytes - IP_HEADER_BYTES[network.family] - UDP_AND_TFTP_BYTES;
    return { network, limits: { ...limits, blockSize: Math.min(limits.blockSize, fitting) } };
  });
  networks.sort((a, b) => b.network.bits - a.network.bits);
  return (written) => {
    const address = parseAddress(written);
    return (address && networks.find(({ network }) => network.contains(address))?.limits) ?? limits;
  };
}
