/**
 * The amplification budget. UDP addresses can be forged: until a peer has answered once, the host that receives our bytes may
 * never have asked. So per address, bytes sent to unproven peers stay within an allowance plus a multiple of the bytes received.
 * A peer that proves itself gives back what was spent on it, so a storm from behind one address passes.
 */
import type { PeerKey } from '../../base/peer.ts';

export interface BudgetLimits {
  /** What an address may be sent before it has sent much itself, bytes. Comes back within {@link REFILL_MS}. */
  readonly unprovenBytes: number;
  /** Bytes sent per byte received. */
  readonly unprovenFactor: number;
}

/** The allowance refills over this time. */
const REFILL_MS = 60_000;
/** Addresses remembered; beyond that the one heard of least recently goes. */
const MAX_ACCOUNTS = 8192;

interface Account {
  balance: number;
  at: number;
}

export class Budget {
  limits: BudgetLimits;
  /** In order of last use. */
  readonly #accounts = new Map<PeerKey, Account>();
  /** Stands at their end already. */
  #latest: Account | undefined;

  constructor(limits: BudgetLimits) {
    this.limits = limits;
  }

  /** A datagram of this many bytes came from an unproven peer. */
  earn(address: PeerKey, bytes: number, now: number): void {
    this.#account(address, now).balance += bytes * this.limits.unprovenFactor;
  }

  /** Takes the bytes of a reply off the account; `false`, and nothing is taken, if they are not covered. */
  spend(address: PeerKey, bytes: number, now: number): boolean {
    const account = this.#account(address, now);
    if (account.balance < bytes) return false;
    account.balance -= bytes;
    return true;
  }

  /** A peer answered: what was spent on it was no amplification. */
  refund(address: PeerKey, bytes: number, now: number): void {
    this.#account(address, now).balance += bytes;
  }

  #account(address: PeerKey, now: number): Account {
    const { unprovenBytes } = this.limits;
    const account = this.#accounts.get(address) ?? { balance: unprovenBytes, at: now };
    // Only a debt is refilled: an account that earned more than the allowance keeps it, but not for ever.
    if (account.balance < unprovenBytes) {
      account.balance = Math.min(unprovenBytes, account.balance + ((now - account.at) / REFILL_MS) * unprovenBytes);
    } else if (now - account.at > REFILL_MS) account.balance = unprovenBytes;
    account.at = now;
    if (account !== this.#latest) {
      this.#latest = account;
      this.#accounts.delete(address);
      this.#accounts.set(address, account);
      if (this.#accounts.size > MAX_ACCOUNTS) this.#accounts.delete(this.#accounts.keys().next().value!);
    }
    return account;
  }
}
