/**
 * Transfers whose peer has never answered, so that its address may be forged: what they may be sent, how many of them there are, and how much
 * content they keep in memory.
 */
import { addressKey, type PeerKey } from '../../base/peer.ts';
import { Budget, type BudgetLimits } from './budget.ts';
import type { Counters } from './counters.ts';
import type { ReadTransfer } from './read-transfer.ts';
import type { Transfer } from './transfer.ts';

export interface UnprovenLimits extends BudgetLimits {
  /** Transfers whose peer has never answered; beyond that the oldest of them is given up. */
  readonly unproven: number;
  /** Replies that wait until the budget of unproven peers covers them; beyond that the oldest is given up. */
  readonly waiting: number;
}

/**
 * Content in memory for peers that have never answered. Beyond that the transfer that has kept its part longest drops it, and requests it
 * again when its peer has answered: forged requests must not buy memory.
 */
const MAX_CONTENT_BYTES = 4 * 1024 ** 2;

export class Unproven {
  #limits: UnprovenLimits;
  readonly #counters: Counters;
  readonly #budget: Budget;
  /** Oldest first. */
  readonly #transfers = new Set<Transfer>();
  /** Those that the budget does not cover, by address, the oldest first. */
  readonly #waiting = new Map<PeerKey, Set<Transfer>>();
  #waitingCount = 0;
  /** Bytes of content kept by transfers that can request them again, the oldest first. */
  readonly #content = new Map<Transfer, number>();
  #contentBytes = 0;

  constructor(limits: UnprovenLimits, counters: Counters) {
    this.#limits = limits;
    this.#counters = counters;
    this.#budget = new Budget(limits);
  }

  set limits(limits: UnprovenLimits) {
    this.#limits = limits;
    this.#budget.limits = limits;
  }

  /** Returns the transfer to give up, if there are too many. */
  add(transfer: Transfer): Transfer | undefined {
    this.#transfers.add(transfer);
    return this.#transfers.size > this.#limits.unproven ? first(this.#transfers) : undefined;
  }

  /** The oldest of an address, which may be forged: the address itself must get in. */
  oldestOf(address: PeerKey): Transfer | undefined {
    for (const transfer of this.#transfers) if (transfer.address === address) return transfer;
    return undefined;
  }

  /** A datagram of this many bytes came from a peer that may be unproven. */
  earn(peer: PeerKey, bytes: number, now: number): void {
    this.#budget.earn(addressKey(peer), bytes, now);
  }

  /** Pays for a datagram to a peer that has no transfer; `false`: not covered, do not send. */
  spendOnStranger(peer: PeerKey, bytes: number, now: number): boolean {
    return this.#budget.spend(addressKey(peer), bytes, now);
  }

  /** Pays for a reply; `false`: not covered, do not send. */
  spend(transfer: Transfer, bytes: number, now: number): boolean {
    if (transfer.proven) return true;
    if (!this.#budget.spend(transfer.address, bytes, now)) {
      if (!transfer.overBudget) this.#counters.add('budget.refused');
      return false;
    }
    if (transfer.spent === 0) this.#counters.observe('answer-seconds', (now - transfer.request.at) / 1000);
    if (transfer.overBudget) this.#stopWaiting(transfer);
    return true;
  }

  /** Its reply waits for the budget. Returns the transfer to give up, if too many do. */
  wait(transfer: Transfer): Transfer | undefined {
    this.#counters.add('budget.held');
    const waiting = this.#waiting.get(transfer.address);
    if (waiting) waiting.add(transfer);
    else this.#waiting.set(transfer.address, new Set([transfer]));
    return ++this.#waitingCount > this.#limits.waiting ? first(first(this.#waiting.values())!) : undefined;
  }

  /** It keeps this much content, which it can request again. */
  keepContent(transfer: ReadTransfer, bytes: number): void {
    this.#content.set(transfer, bytes);
    this.#contentBytes += bytes;
    for (const [oldest] of this.#content) {
      if (this.#contentBytes <= MAX_CONTENT_BYTES) break;
      this.#forgetContent(oldest);
      (oldest as ReadTransfer).shed();
    }
  }

  /** The peer exists: what was spent on it comes back, and transfers that waited for it may go. */
  proven(transfer: Transfer, now: number): void {
    this.#transfers.delete(transfer);
    this.#forgetContent(transfer);
    this.#budget.refund(transfer.address, transfer.spent, now);
    transfer.spent = 0;
    for (const waiting of [...(this.#waiting.get(transfer.address) ?? [])]) {
      waiting.reply(now);
      if (waiting.overBudget) break;
    }
  }

  /** It has ended. */
  remove(transfer: Transfer): void {
    this.#transfers.delete(transfer);
    this.#forgetContent(transfer);
    this.#stopWaiting(transfer);
  }

  #forgetContent(transfer: Transfer): void {
    this.#contentBytes -= this.#content.get(transfer) ?? 0;
    this.#content.delete(transfer);
  }

  #stopWaiting(transfer: Transfer): void {
    const waiting = this.#waiting.get(transfer.address);
    if (!waiting?.delete(transfer)) return;
    this.#waitingCount--;
    if (waiting.size === 0) this.#waiting.delete(transfer.address);
  }
}

function first<T>(of: Iterable<T>): T | undefined {
  for (const one of of) return one;
  return undefined;
}
