/**
 * From the name of a server to its address.
 */
import { lookup } from 'node:dns/promises';
import { isIPv6, SocketAddress } from 'node:net';
import { ClientError } from './error.ts';

/** The server's address, of the family of ours if that is given, spelt as the socket will spell it. Rejects with a {@link ClientError}. */
export async function resolveHost(host: string, localAddress: string | undefined): Promise<{ address: string; family: 4 | 6 }> {
  const wanted = localAddress === undefined ? 0 : isIPv6(localAddress.split('%')[0]!) ? 6 : 4;
  try {
    const { address, family } = await lookup(host, { family: wanted });
    if (family !== 6) return { address, family: 4 };
    const [plain, zone] = address.split('%');
    const canonical = new SocketAddress({ address: plain!, family: 'ipv6' }).address;
    return { address: zone === undefined ? canonical : `${canonical}%${zone}`, family };
  } catch (error) {
    throw new ClientError({ kind: 'local', code: undefined, message: `cannot resolve ${host}` }, error);
  }
}
