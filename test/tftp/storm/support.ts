/** A storm on the simulated network, against an Engine with files in memory. */

import { peerKey } from '../../../src/base/peer.ts';
import type { Option, RequestPacket } from '../../../src/tftp/protocol/packet.ts';
import { decode, Opcode } from '../../../src/tftp/protocol/packet.ts';
import { NO_FAULTS } from '../../../src/tftp/storm/faults.ts';
import { resultOf } from '../../../src/tftp/storm/result.ts';
import { STORM_LIMITS, Storm, type StormPlan } from '../../../src/tftp/storm/storm.ts';
import { EngineHost } from '../../kit/hosts.ts';
import { type BoundEndpoint, type Host, type Link, Network } from '../../kit/network.ts';
import { seeded } from '../../kit/random.ts';

export const SERVER = peerKey('10.0.0.1', 69);

export interface SimulationOptions extends Partial<Omit<StormPlan, 'files'>> {
  /** What machines load, in order. */
  readonly load: readonly string[];
  /** What the server has; the bytes follow from name and size. */
  readonly files?: Readonly<Record<string, number>>;
  /** What the files should be, if not what they are. */
  readonly expected?: (name: string) => Uint8Array | undefined;
  readonly link?: Link;
}

export function bytesOf(name: string, size: number): Uint8Array {
  return seeded(name.length + size).bytes(size);
}

/** Runs a storm to its end. */
export function simulate({ load, files = {}, expected, link, ...plan }: SimulationOptions) {
  const network = new Network({ seed: 1, ...(link ? { link } : {}) });
  const server = new EngineHost(network);
  for (const [name, size] of Object.entries(files)) server.files.set(name, bytesOf(name, size));
  const requests: { readonly at: number; readonly port: number; readonly packet: RequestPacket; readonly bytes: Uint8Array }[] =
    [];
  network.onSend(({ at, from, datagram }) => {
    const packet = decode(datagram);
    if (packet?.opcode === Opcode.rrq) requests.push({ at, port: Number(from) % 65536, packet, bytes: datagram });
  });
  let nextPort = 10_000;
  let open = 0;
  let mostOpen = 0;
  const storm: Storm = new Storm(
    {
      files: load.map((name) => ({ server: SERVER, name })),
      machines: [],
      arrivals: new Float64Array(1),
      clients: 10,
      profiles: ['ipxe'],
      options: {},
      faults: NO_FAULTS,
      allowAbsent: false,
      limits: STORM_LIMITS,
      seed: 1,
      maxMs: 600_000,
      ...plan,
    },
    {
      outbox: network.outbox,
      open: (localAddress = '10.0.1.1') => {
        mostOpen = Math.max(mostOpen, ++open);
        return network.bind(host, localAddress, nextPort++);
      },
      close: (port) => {
        open--;
        network.unbind(port as BoundEndpoint);
      },
      expected: expected ?? ((name) => server.files.get(name)),
    },
  );
  const host: Host = {
    receive: (port, from, datagram, now) => storm.receive(port, from, datagram, now),
    get nextDeadline() {
      return storm.nextDeadline;
    },
    expire: (now) => storm.expire(now),
    leftovers: () => [...(open > 0 ? [`${open} open ports`] : []), ...(storm.over ? [] : ['a storm that is not over'])],
  };
  // The network knows a host by its endpoints.
  network.bind(host, '10.0.1.1', 9);
  network.poke(() => storm.start(network.now));
  network.run();
  return {
    network,
    server,
    storm,
    requests,
    mostOpen,
    result: resultOf(storm, network.now),
    leftovers: network.leftovers(),
  };
}

/** `tsize=0 blksize=1468` */
export function spelt(options: readonly Option[]): string {
  return options.map(({ name, value }) => `${name}=${value}`).join(' ');
}
