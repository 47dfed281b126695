/**
 * The transfers of each peer, those included that have ended and linger: late packets find where they belong, and no two of them share an
 * endpoint.
 */
import type { PeerKey } from '../../base/peer.ts';
import { isSinglePort, type ServerEndpoint } from './outbox.ts';
import { isSameRequest } from './request-record.ts';
import type { Transfer } from './transfer.ts';

/** The same request from the same peer is a repetition for this long, however far the first one has come: some ROMs send four. */
const REPEAT_MS = 1_000;

const NONE: readonly Transfer[] = [];

export class Peers {
  readonly #transfers = new Map<PeerKey, Transfer[]>();
  /** Transfers of each address that have not ended. */
  readonly #running = new Map<PeerKey, number>();

  add(transfer: Transfer): void {
    const { peer } = transfer.request;
    const siblings = this.#transfers.get(peer);
    if (siblings) siblings.push(transfer);
    else this.#transfers.set(peer, [transfer]);
    this.#running.set(transfer.address, this.runningOf(transfer.address) + 1);
  }

  /** It counts no more, but is still found. */
  ended({ address }: Transfer): void {
    const count = this.runningOf(address) - 1;
    if (count > 0) this.#running.set(address, count);
    else this.#running.delete(address);
  }

  remove(transfer: Transfer): void {
    const { peer } = transfer.request;
    const rest = this.of(peer).filter((other) => other !== transfer);
    if (rest.length > 0) this.#transfers.set(peer, rest);
    else this.#transfers.delete(peer);
  }

  /** Oldest first. */
  of(peer: PeerKey): readonly Transfer[] {
    return this.#transfers.get(peer) ?? NONE;
  }

  runningOf(address: PeerKey): number {
    return this.#running.get(address) ?? 0;
  }

  /**
   * The transfer that this very request has begun already. Not one whose peer may have all of it: its last ACK may wait in another
   * socket while the peer, which uses one port for everything, asks for the same file again.
   */
  repeated(listener: ServerEndpoint, peer: PeerKey, datagram: Uint8Array, now: number): Transfer | undefined {
    return this.of(peer).find((transfer) => {
      const { request, proven, provenAt, phase } = transfer;
      if (phase === 'over' || !isSameRequest(request, listener, datagram)) return false;
      if (!proven) return true;
      return now - provenAt < REPEAT_MS && (isSinglePort(listener) || !transfer.peerMayBeDone);
    });
  }

  /**
   * An endpoint to answer from that the peer has no other transfer on; `undefined` if there is none.
   * @param chance in [0, 1): a forged ACK must hit the endpoint
   */
  freeEndpoint({ request: { id, peer, listener } }: Transfer, chance: number): ServerEndpoint | undefined {
    const { replies } = listener;
    const siblings = this.of(peer);
    const start = id + Math.floor(chance * replies.length);
    for (let i = 0; i < replies.length; i++) {
      const candidate = replies[(start + i) % replies.length]!;
      if (!siblings.some(({ route }) => route?.from === candidate)) return candidate;
    }
    return undefined;
  }

  /**
   * Where no endpoint is free, the transfer that makes room: one that is over, then an unproven one, since forged requests of one peer must
   * not crowd out the transfer that it has proved, then the oldest.
   */
  leastMissed({ request: { peer, listener } }: Transfer): Transfer {
    const siblings = this.of(peer).filter(({ route }) => route !== undefined && listener.replies.includes(route.from));
    return siblings.find(({ phase }) => phase === 'over') ?? siblings.find(({ proven }) => !proven) ?? siblings[0]!;
  }
}
