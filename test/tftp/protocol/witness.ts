/**
 * Watches the wire of a simulated network and holds senders of DATA to the rules about sending a block twice: it knows
 * datagrams and what made a host send them, and nothing of the code that did.
 */

import type { PeerKey } from '../../../src/base/peer.ts';
import { decode, Opcode, opcodeOf } from '../../../src/tftp/protocol/packet.ts';
import type { Network, Sending } from '../../kit/network.ts';

/** DATA from one endpoint to another. Blocks are counted in full. */
interface Flow {
  /** From OACKs between these two; RFC 1350 otherwise. */
  windowSize: number;
  /** How many numbers there are: 65536, or 65535 where they roll over to 1. */
  numbers: number;
  high: number;
  acked: number;
  sent: number;
  /** The block out of order that asks a receiver how far it came, since one of its ACKs came; 0 if none was sent. */
  asked: number;
  /** Blocks sent again because of an ACK, since there was progress. */
  readonly again: Set<number>;
}

export class Witness {
  readonly violations: string[] = [];
  /** Blocks sent again, for whatever reason. */
  resent = 0;
  readonly #flows = new Map<string, Flow>();

  constructor(network: Network) {
    network.onSend((sending) => this.#sent(sending));
    network.onArrival((sending) => this.#arrived(sending));
  }

  /** DATA packets from or to this client. */
  dataSent(client: PeerKey): number {
    let sent = 0;
    for (const [key, flow] of this.#flows) if (key.split('>').includes(String(client))) sent += flow.sent;
    return sent;
  }

  #sent(sending: Sending): void {
    const { from, to, datagram } = sending;
    const opcode = opcodeOf(datagram);
    if (opcode === Opcode.oack) {
      const packet = decode(datagram);
      if (packet?.opcode !== Opcode.oack) return;
      const option = (name: string) => packet.options.find((given) => given.name === name)?.value;
      for (const flow of [this.#flow(from, to), this.#flow(to, from)]) {
        flow.windowSize = Number(option('windowsize') ?? 1);
        flow.numbers = option('rollover') === '1' ? 65535 : 65536;
      }
    }
    if (opcode === Opcode.data) this.#data(this.#flow(from, to), sending);
  }

  #data(flow: Flow, { cause, answers, datagram, at, from, to }: Sending): void {
    flow.sent++;
    const block = near(blockOf(datagram), flow.high, flow.numbers);
    // In the first window, one block out of order behind a burst makes the receiver report how far it came.
    if (block === flow.high + 2 && flow.high <= flow.windowSize && (flow.asked === 0 || cause === 'deadline')) {
      flow.asked = block;
      if (cause === 'deadline') flow.again.clear();
      return;
    }
    if (block > flow.high) {
      if (block !== flow.high + 1) this.#violation(`block ${block} after ${flow.high}`, at, from, to);
      flow.high = block;
      if (block > flow.acked + flow.windowSize) this.#violation(`block ${block} beyond the window`, at, from, to);
      return;
    }
    this.resent++;
    // The first DATA of a transfer without options is also the answer to a repeated request.
    const request = answers !== undefined && (opcodeOf(answers) === Opcode.rrq || opcodeOf(answers) === Opcode.wrq);
    // The timer's block asks how far the flight came: the rest of it may go out with the answer.
    if (cause === 'deadline') flow.again.clear();
    if (cause === 'deadline' || (request && block === 1)) return;
    if (flow.windowSize === 1) this.#violation(`block ${block} sent again, not by the timer`, at, from, to);
    else if (flow.again.has(block)) this.#violation(`block ${block} sent again twice without progress`, at, from, to);
    flow.again.add(block);
  }

  /** An ACK before its receiver sees it. */
  #arrived({ from, to, datagram }: Sending): void {
    if (opcodeOf(datagram) !== Opcode.ack) return;
    const flow = this.#flow(to, from);
    const wire = blockOf(datagram);
    const ahead = (wire - (flow.acked % flow.numbers) + flow.numbers) % flow.numbers;
    if (flow.acked + ahead > flow.high) return;
    flow.asked = 0;
    if (ahead === 0) return;
    flow.acked += ahead;
    flow.again.clear();
  }

  #flow(from: PeerKey, to: PeerKey): Flow {
    const key = `${from}>${to}`;
    let flow = this.#flows.get(key);
    if (!flow) {
      flow = { windowSize: 1, numbers: 65536, high: 0, acked: 0, sent: 0, asked: 0, again: new Set() };
      this.#flows.set(key, flow);
    }
    return flow;
  }

  #violation(what: string, at: number, from: PeerKey, to: PeerKey): void {
    if (this.violations.length < 5) this.violations.push(`${what} at ${at.toFixed(1)} ms, ${from} to ${to}`);
  }
}

function blockOf(datagram: Uint8Array): number {
  return (datagram[2]! << 8) | datagram[3]!;
}

/** The full number with these 16 bits that is nearest to what comes next. */
function near(wire: number, high: number, numbers: number): number {
  const ahead = (((wire - ((high + 1) % numbers)) % numbers) + numbers) % numbers;
  return ahead < numbers / 2 ? high + 1 + ahead : high + 1 + ahead - numbers;
}
