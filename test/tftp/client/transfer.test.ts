/** The client's machines against scripted servers, on the simulated network. */
import { describe, expect, test } from 'vitest';
import { type PeerKey, peerKey } from '../../../src/base/peer.ts';
import type { AskedOptions } from '../../../src/tftp/client/options.ts';
import type { ServerEndpoint } from '../../../src/tftp/protocol/outbox.ts';
import { decode, encode, Opcode, type Packet } from '../../../src/tftp/protocol/packet.ts';
import { DownloadingHost, EngineHost, UploadingHost } from '../../kit/hosts.ts';
import { type BoundEndpoint, type Host, Network } from '../../kit/network.ts';
import { seeded } from '../../kit/random.ts';

/** Told of a packet, says what it likes; from port 4000 if not told otherwise. */
type Answer = (packet: Packet, say: (packet: Packet | Uint8Array, port?: number) => void) => void;

/** A server that answers each packet as it is told, from the port that it is told. */
class ScriptedServer implements Host {
  readonly nextDeadline = Number.POSITIVE_INFINITY;
  /** What came, and when, by port. */
  readonly got: { readonly port: number; readonly at: number; readonly packet: Packet }[] = [];
  readonly #network: Network;
  readonly #ports = new Map<number, BoundEndpoint>();
  readonly #answer: Answer;

  constructor(network: Network, answer: Answer) {
    this.#network = network;
    this.#answer = answer;
    for (const port of [69, 4000, 4001]) this.#ports.set(port, network.bind(this, '10.0.0.1', port));
  }

  receive(endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array, now: number): void {
    const packet = decode(datagram)!;
    this.got.push({
      port: endpoint.port,
      at: now,
      packet: 'payload' in packet ? { ...packet, payload: packet.payload.slice() } : packet,
    });
    this.#answer(packet, (reply, port = 4000) =>
      this.#network.outbox.send(this.#ports.get(port)!, from, reply instanceof Uint8Array ? reply : encode(reply)),
    );
  }

  expire(): void {}

  leftovers(): string[] {
    return [];
  }

  /** The ERRORs that came, with the port they came to. */
  get errors(): (readonly [number, number])[] {
    return this.got.flatMap(({ port, packet }) => (packet.opcode === Opcode.error ? [[port, packet.code] as const] : []));
  }
}

const oack = (options: Record<string, string>): Packet => ({
  opcode: Opcode.oack,
  options: Object.entries(options).map(([name, value]) => ({ name, value })),
});
const data = (block: number, payload: Uint8Array): Packet => ({ opcode: Opcode.data, block, payload });
const ack = (block: number): Packet => ({ opcode: Opcode.ack, block });

function download(answer: Answer, options: AskedOptions = {}) {
  const network = new Network({ seed: 1 });
  const server = new ScriptedServer(network, answer);
  const client = new DownloadingHost(network, { address: '10.0.1.1', name: 'f', options });
  client.start();
  network.run();
  expect(network.leftovers()).toEqual([]);
  return { network, server, client };
}

function upload(answer: Answer, bytes: Uint8Array, options: AskedOptions = {}) {
  const network = new Network({ seed: 1 });
  const server = new ScriptedServer(network, answer);
  const client = new UploadingHost(network, { address: '10.0.1.1', name: 'f', options, bytes });
  client.start();
  network.run();
  expect(network.leftovers()).toEqual([]);
  return { network, server, client };
}

const HALF = seeded(1).bytes(256);
const WHOLE = seeded(2).bytes(512);

describe('asking', () => {
  test('nobody answers: asks again, ever more slowly, and gives up', () => {
    const { server, client } = download(() => {});
    expect(client.ending).toMatchObject({ kind: 'timeout' });
    expect(client.endedAt).toBe(30_000);
    const gaps = server.got.map(({ at }, i) => at - (server.got[i - 1]?.at ?? 0)).slice(1);
    expect(gaps.length).toBeGreaterThan(8);
    expect(gaps.length).toBeLessThanOrEqual(12);
    expect(gaps[0]).toBe(1000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(3000);
  });

  test('an ERROR is the end, with its code and text', () => {
    const { client, server } = download((_, say) => say({ opcode: Opcode.error, code: 1, message: 'no such file' }));
    expect(client.ending).toEqual({ kind: 'error', code: 1, message: 'no such file' });
    expect(server.got.length).toBe(1);
  });

  test('DATA 1 where options were asked for: RFC 1350', () => {
    const { client } = download(
      (packet, say) => {
        if (packet.opcode === Opcode.rrq) say(data(1, WHOLE));
        if (packet.opcode === Opcode.ack && packet.block === 1) say(data(2, HALF));
      },
      { blockSize: 1468, windowSize: 8 },
    );
    expect(client.ending).toBe('completed');
    expect(client.received).toEqual(Uint8Array.from([...WHOLE, ...HALF]));
    expect(client.transfer.agreement).toMatchObject({ blockSize: 512, windowSize: 1, acknowledged: [] });
  });

  test.each([
    ['an option that was not asked for', { blksize: '1024', windowsize: '4' }],
    ['a larger block', { blksize: '1469' }],
    ['nonsense', { blksize: 'big' }],
  ])('%s in the OACK: ERROR 8', (_, options) => {
    const { client, server } = download((packet, say) => packet.opcode === Opcode.rrq && say(oack(options)), { blockSize: 1468 });
    expect(client.ending).toMatchObject({ kind: 'protocol' });
    expect(server.errors).toEqual([[4000, 8]]);
  });

  test('what is no answer to a request is ignored', () => {
    const { client } = download((packet, say) => {
      if (packet.opcode !== Opcode.rrq) return;
      for (const stray of [data(7, WHOLE), ack(0), Uint8Array.of(), Uint8Array.of(0, 3), Uint8Array.of(9, 9, 9, 9)])
        say(stray, 4001);
      say(data(1, HALF));
    });
    expect(client.ending).toBe('completed');
    expect(client.transfer.peer).toBe(peerKey('10.0.0.1', 4000));
  });
});

describe('open', () => {
  test('a reply from another port gets ERROR 5, and disturbs nobody', () => {
    const { client, server } = download((packet, say) => {
      if (packet.opcode === Opcode.rrq) {
        say(data(1, WHOLE));
        say(data(1, HALF), 4001);
      }
      if (packet.opcode === Opcode.ack && packet.block === 1) {
        say({ opcode: Opcode.error, code: 0, message: 'go away' }, 4001);
        say(data(2, HALF));
      }
    });
    expect(client.ending).toBe('completed');
    expect(client.received.length).toBe(768);
    expect(server.errors).toEqual([[4001, 5]]);
  });

  test('a block that is larger than agreed: ERROR 4', () => {
    const { client, server } = download((packet, say) => packet.opcode === Opcode.rrq && say(data(1, seeded(1).bytes(513))));
    expect(client.ending).toMatchObject({ kind: 'protocol' });
    expect(server.errors).toEqual([[4000, 4]]);
  });

  test('the OACK comes twice: ACK 0 once more, but not in mid-transfer', () => {
    let acks = 0;
    const { client } = download(
      (packet, say) => {
        if (packet.opcode === Opcode.rrq) say(oack({ blksize: '8' }));
        if (packet.opcode !== Opcode.ack) return;
        if (packet.block > 0) return say(oack({ blksize: '8' }));
        acks++;
        say(acks === 1 ? oack({ blksize: '8' }) : data(1, HALF.subarray(0, 7)));
      },
      { blockSize: 8 },
    );
    expect(client.ending).toBe('completed');
    expect(acks).toBe(2);
  });

  test('the last DATA once more: the last ACK once more, while it dallies', () => {
    let times = 0;
    const { server, client } = download((_, say) => times++ < 3 && say(data(1, HALF)));
    expect(client.ending).toBe('completed');
    expect(server.got.map(({ packet }) => packet.opcode)).toEqual([Opcode.rrq, Opcode.ack, Opcode.ack, Opcode.ack]);
    expect(client.received.length).toBe(256);
  });

  test('the server falls silent: ACKs again, and gives up', () => {
    const { client, server } = download((packet, say) => packet.opcode === Opcode.rrq && say(data(1, WHOLE)));
    expect(client.ending).toMatchObject({ kind: 'timeout' });
    expect(server.got.length).toBeLessThanOrEqual(2 + 12);
  });

  test('ACK 0 to an upload with options: RFC 1350', () => {
    const sent: number[] = [];
    const { client } = upload(
      (packet, say) => {
        if (packet.opcode === Opcode.wrq) say(ack(0));
        if (packet.opcode !== Opcode.data) return;
        sent.push(packet.payload.length);
        say(ack(packet.block));
      },
      WHOLE,
      { blockSize: 1468, transferSize: 512 },
    );
    expect(client.ending).toBe('completed');
    expect(sent).toEqual([512, 0]);
  });

  test('an upload is refused in the middle', () => {
    const { client } = upload((packet, say) => {
      if (packet.opcode === Opcode.wrq) say(ack(0));
      if (packet.opcode === Opcode.data) say({ opcode: Opcode.error, code: 3, message: 'disk full' });
    }, WHOLE);
    expect(client.ending).toEqual({ kind: 'error', code: 3, message: 'disk full' });
  });

  test('a doubled ACK causes nothing at window 1', () => {
    const { server } = upload(
      (packet, say) => {
        if (packet.opcode === Opcode.wrq) say(ack(0));
        if (packet.opcode === Opcode.data) for (let i = 0; i < 2; i++) say(ack(packet.block));
      },
      seeded(5).bytes(20 * 512),
    );
    expect(server.got.filter(({ packet }) => packet.opcode === Opcode.data).length).toBe(21);
  });
});

describe('back-pressure', () => {
  test('while nobody takes the bytes of a download, the server waits, however long', () => {
    const network = new Network({ seed: 1 });
    const server = new EngineHost(network);
    server.files.set('f', seeded(1).bytes(3_000_000));
    const client = new DownloadingHost(network, {
      address: '10.0.1.1',
      name: 'f',
      options: { blockSize: 8192 },
      contentMs: 20_000,
    });
    client.start();
    network.run(19_999);
    // Not a byte was written yet: what is under way is bounded.
    expect(client.transfer.bytes).toBeLessThan(6 * 65536);
    network.run();
    expect(client.ending).toBe('completed');
    expect(client.received).toEqual(server.files.get('f'));
    expect(network.leftovers()).toEqual([]);
  });

  test('while nobody has the bytes of an upload, the server is sent nothing, and is not to blame', () => {
    const network = new Network({ seed: 1 });
    const server = new EngineHost(network);
    const bytes = seeded(1).bytes(300_000);
    const client = new UploadingHost(network, {
      address: '10.0.1.1',
      name: 'f',
      bytes,
      contentMs: 8000,
      limits: { retries: 2, idleMs: 5000 },
    });
    client.start();
    network.run();
    expect(client.ending).toBe('completed');
    expect(server.stored.get('f')).toEqual([bytes]);
  });
});
