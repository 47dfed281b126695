/**
 * Logs what a server is doing now, on SIGUSR1, which makes dnsmasq log statistics.
 */
import type { Log } from '../base/log.ts';
import type { Server } from '../server/server.ts';

/** One line for each transfer in progress, then a summary. */
export async function logStatus(server: Server, log: Log): Promise<void> {
  const transfers = await server.exchanges();
  for (const { id, request, served, size, bytes, retransmissions, ageMs, generation } of transfers) {
    const { kind, asked, client } = request;
    const fields = { transfer: id, client: client.address, port: client.port, mac: client.mac, host: client.host?.name };
    const progress = { kind, asked, served, size, bytes, retransmissions, ageMs, generation };
    log.info({ ...fields, ...progress }, 'transfer under way');
  }
  const { addresses, generation } = server;
  log.info({ transfers: transfers.length, generation, addresses, stats: server.stats() }, 'status');
}
