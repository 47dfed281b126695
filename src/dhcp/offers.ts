/**
 * What the process remembers of its offers to each machine: which layout comes next, and whether an offer is news. Outlives generations;
 * memory is bounded.
 */
import type { BootLayout } from '../base/boot-layout.ts';
import { Attempts } from './protocol/attempts.ts';
import type { BootClient } from './protocol/boot-client.ts';
import { type Decision, type DhcpPort, encodeOffer, offerFor } from './protocol/offer.ts';
import type { DhcpPacket } from './protocol/packet.ts';

/** A request, understood. */
export interface Asked {
  readonly packet: DhcpPacket;
  readonly client: BootClient;
  readonly port: DhcpPort;
  /** The server's own address on the wire that it came in by. */
  readonly server: string;
}

/** What to send, and what to say about it. */
export interface Answer {
  readonly bytes: Uint8Array;
  readonly layout: BootLayout;
  /** The machine has asked in vain, and gets another layout from now on: how often it has asked before. */
  readonly discoversInVain: number | undefined;
  readonly isRepeat: boolean;
}

/** A machine that asks again within this time has not booted meanwhile. */
const ATTEMPT_MS = 60_000;

export class Offers {
  readonly #attempts: Attempts;
  readonly #capacity: number;
  /** By machine and program, what was offered last. */
  readonly #last = new Map<string, { readonly text: string; readonly atMs: number }>();

  /** @param capacity maximum number of machines; beyond it, those not heard of for longest are forgotten */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#attempts = new Attempts(capacity);
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Number of machines and programs that are remembered. */
  get size(): number {
    return Math.max(this.#last.size, this.#attempts.size);
  }

  /** `undefined` if no packet can say that to this machine. @param first the layout that the config sets for it */
  answer(asked: Asked, decision: Decision, first: BootLayout, now: number): Answer | undefined {
    const { packet, client, port, server } = asked;
    const attempt = port === 67 && decision.kind === 'file' ? this.#attempts.discover(client, first, now) : undefined;
    const layout = attempt?.layout ?? first;
    const fields = offerFor(packet, client, port, decision, { server, layout });
    if (fields === undefined) return undefined;
    if (port === 4011 && client.mac !== undefined) this.#attempts.goesOn(client.mac);
    const text = `${layout} ${decision.kind === 'file' ? decision.name : ''}`;
    return {
      bytes: encodeOffer(fields),
      layout,
      discoversInVain: attempt?.isChanged ? attempt.discovers - 1 : undefined,
      isRepeat: this.#isRepeat(keyOf(asked), text, now),
    };
  }

  /** The machine gets no answer; whether it got none to its last request either. */
  silence(asked: Asked, now: number): boolean {
    return this.#isRepeat(keyOf(asked), 'silence', now);
  }

  /** The machine has proceeded, so its next DISCOVER begins another attempt. */
  goesOn(mac: string | undefined): void {
    if (mac === undefined) return;
    this.#attempts.goesOn(mac);
    for (const port of [67, 4011] as const) for (const isIpxe of [false, true]) this.#last.delete(keyText(mac, port, isIpxe));
  }

  #isRepeat(key: string, text: string, now: number): boolean {
    const last = this.#last.get(key);
    this.#last.delete(key);
    this.#last.set(key, { text, atMs: now });
    if (this.#last.size > this.#capacity) this.#last.delete(this.#last.keys().next().value!);
    return last !== undefined && last.text === text && now - last.atMs <= ATTEMPT_MS;
  }
}

function keyOf({ client, packet, port }: Asked): string {
  return keyText(client.mac ?? `${packet.xid}`, port, client.isIpxe);
}

function keyText(machine: string, port: DhcpPort, isIpxe: boolean): string {
  return `${port} ${isIpxe} ${machine}`;
}
