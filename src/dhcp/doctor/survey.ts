/**
 * Asks one network as machines would, and collects the answers. It takes no address: no DHCP server gets a REQUEST for one.
 * Bounded in packets and in time.
 */
import { type Clock, sleep } from '../../base/clock.ts';
import type { Address } from '../../net/listening.ts';
import type { Wire, WireSocket, WireSockets } from '../../net/wire-sockets.ts';
import { encodePacket } from '../protocol/packet.ts';
import { type Choice, choose, type Program, programOf } from './choice.ts';
import { isPxeClass, type Offer, readOffer } from './offer.ts';
import { bootServerRequest, discover, type Identity, type Probe } from './probes.ts';

/** How the download of a program went. */
export type Fetched =
  | { readonly kind: 'served'; readonly bytes: number; readonly total: number | undefined }
  | { readonly kind: 'empty' }
  /** The server answered that there is nothing to load; `text` is its own. */
  | { readonly kind: 'refused'; readonly text: string }
  /** Nothing listens at the port. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'silent' }
  /** Large blocks do not arrive, small ones do. */
  | { readonly kind: 'large-lost' }
  /** It began, and stopped. */
  | { readonly kind: 'broken'; readonly text: string };

export interface Settings {
  readonly wire: Wire;
  readonly probes: readonly Probe[];
  /** Of the machine to play; without it, locally administered addresses are made up. */
  readonly mac: readonly number[] | undefined;
  /** Boot servers that ought to answer, asked at port 4011 even if they offer nothing. */
  readonly servers: readonly string[];
  /** How long answers to broadcasts are collected. */
  readonly waitMs: number;
}

export interface Host {
  readonly sockets: WireSockets;
  readonly clock: Clock;
  random(bytes: number): Uint8Array;
  fetch(program: Program): Promise<Fetched>;
  onProgress(step: string): void;
}

/** What one kind of machine saw. */
export interface Experience {
  readonly probe: Probe;
  readonly mac: readonly number[];
  readonly offers: readonly Offer[];
  readonly choice: Choice;
  /** The answers from port 4011 by server; `undefined` for one that was silent. */
  readonly bootServers: ReadonlyMap<string, Offer | undefined>;
  /** What the machine loads in the end. */
  readonly program: Program | undefined;
  readonly fetched: Fetched | undefined;
}

/** More answers than this to one machine are a flood. */
const MAX_OFFERS = 64;
/** EDK2 sends its request to port 4011 four times, iPXE for about two seconds. */
const BOOT_SERVER_TRIES = 2;
const BOOT_SERVER_MS = 1_000;
/** More boot servers than this are not asked. */
const MAX_BOOT_SERVERS = 8;
const CLIENT_PORT = 68;
const BROADCAST = '255.255.255.255';

type Asked = { readonly probe: Probe; readonly identity: Identity; readonly offers: Offer[] };

/** Rejects with Node's system error if port 68 cannot be bound. */
export async function survey(settings: Settings, host: Host): Promise<readonly Experience[]> {
  const { wire, waitMs } = settings;
  const asked = settings.probes.map(
    (probe, index): Asked => ({ probe, identity: identityOf(probe, index, settings, host), offers: [] }),
  );
  const hear = (datagram: Uint8Array, from: Address) => {
    for (const { identity, offers } of asked) {
      const offer = readOffer(datagram, from, identity.xid, identity.mac);
      if (offer && offers.length < MAX_OFFERS && !offers.some((other) => isSame(other, offer))) offers.push(offer);
    }
  };
  const sockets: WireSocket[] = [await host.sockets.openBroadcast(wire, CLIENT_PORT, hear)];
  try {
    // Some servers answer the sender and not the broadcast address. The host's own DHCP client may have that port.
    await host.sockets.openUnicast(wire.address, CLIENT_PORT, true, hear).then(
      (socket) => sockets.push(socket),
      () => {},
    );
    host.onProgress(`asking ${wire.device} as ${settings.probes.map(({ title }) => title).join(', ')}`);
    broadcast(sockets[0]!, asked);
    await sleep(host.clock, waitMs / 2);
    // A datagram may be lost. A machine that was answered does not ask again, so that a server does not count attempts in vain.
    broadcast(
      sockets[0]!,
      asked.filter(({ offers }) => offers.length === 0),
    );
    await sleep(host.clock, waitMs / 2);
  } finally {
    for (const socket of sockets) socket.close();
  }
  const experiences: Experience[] = [];
  for (const one of asked) experiences.push(await follow(one, settings, host));
  return experiences;
}

function broadcast(socket: WireSocket, asked: readonly Asked[]): void {
  for (const { probe, identity } of asked) socket.send(encodePacket(discover(probe, identity)), { address: BROADCAST, port: 67 });
}

/** Goes on as the machine would: port 4011, then the program. */
async function follow({ probe, identity, offers }: Asked, settings: Settings, host: Host): Promise<Experience> {
  const choice = choose(probe, offers);
  const servers = bootServersOf(probe, offers, choice, settings.servers);
  const item = choice.kind === 'boot-server' ? choice.item : undefined;
  const bootServers = await askBootServers(probe, identity, servers, item, settings.wire, host);
  const program = chosenProgram(choice, bootServers);
  if (program)
    host.onProgress(`${probe.title}: loading ${program.by === 'http' ? program.url : `${program.file} from ${program.server}`}`);
  const fetched = program && (await host.fetch(program));
  return { probe, mac: identity.mac, offers, choice, bootServers, program, fetched };
}

function chosenProgram(choice: Choice, bootServers: Experience['bootServers']): Program | undefined {
  switch (choice.kind) {
    case 'program':
      return choice.program;
    case 'boot-server': {
      const answer = bootServers.get(choice.server);
      return answer && programOf(answer, choice.server);
    }
    case 'no-address':
    case 'no-boot':
    case 'menu':
      return undefined;
  }
}

/** The one that the machine asks, each proxy, and those that ought to answer. UEFI HTTP Boot and the Raspberry Pi know no port 4011. */
function bootServersOf(probe: Probe, offers: readonly Offer[], choice: Choice, expected: readonly string[]): readonly string[] {
  if (probe.vendorClass === 'HTTPClient' || probe.selection === 'raspberry-pi') return [];
  const chosen = choice.kind === 'boot-server' ? [choice.server] : [];
  const proxies = offers.filter((one) => isPxeClass(one)).map(({ server }) => server);
  return [...new Set([...chosen, ...expected, ...proxies])].slice(0, MAX_BOOT_SERVERS);
}

async function askBootServers(
  probe: Probe,
  identity: Identity,
  servers: readonly string[],
  item: Uint8Array | undefined,
  wire: Wire,
  host: Host,
): Promise<Experience['bootServers']> {
  const answers = new Map<string, Offer | undefined>(servers.map((server) => [server, undefined]));
  if (servers.length === 0) return answers;
  host.onProgress(`${probe.title}: asking ${servers.join(', ')} at port 4011`);
  const socket = await host.sockets.openUnicast(wire.address, 0, false, (datagram, from) => {
    const offer = readOffer(datagram, from, identity.xid, identity.mac);
    // The answer must come from port 4011: iPXE drops others.
    if (offer && from.port === 4011 && answers.has(from.address)) answers.set(from.address, offer);
  });
  try {
    for (let tries = 0; tries < BOOT_SERVER_TRIES; tries++) {
      const silent = servers.filter((server) => answers.get(server) === undefined);
      for (const server of silent)
        socket.send(encodePacket(bootServerRequest(probe, identity, wire.address, { id: server, item })), {
          address: server,
          port: 4011,
        });
      for (let waited = 0; waited < BOOT_SERVER_MS && [...answers.values()].includes(undefined); waited += 50)
        await sleep(host.clock, 50);
    }
  } finally {
    socket.close();
  }
  return answers;
}

function isSame(one: Offer, other: Offer): boolean {
  return one.server === other.server && one.isProxy === other.isProxy && one.from.address === other.from.address;
}

/** "pxe" in a locally administered address, so that the logs of DHCP servers tell what it is. */
const LOCAL_PREFIX = [0x02, 0x70, 0x78, 0x65];
/** Routers know a Raspberry Pi by its vendor's prefix. */
const PI_PREFIX = [0xdc, 0xa6, 0x32, 0x70];

function identityOf(probe: Probe, index: number, { mac }: Settings, host: Host): Identity {
  const random = host.random(6);
  const prefix = probe.selection === 'raspberry-pi' ? PI_PREFIX : LOCAL_PREFIX;
  const own = mac ?? [...prefix, random[4]!, (random[5]! & 0xf0) | index];
  const xid = new DataView(random.buffer, random.byteOffset).getUint32(0) & ~0xf;
  return { xid: (xid | index) >>> 0, mac: own, uuid: uuidOf(probe, own) };
}

/** A Pi 4's consists of a mark, the board's revision, half the MAC address and the serial number. */
function uuidOf(probe: Probe, mac: readonly number[]): Uint8Array {
  if (probe.selection === 'raspberry-pi')
    return Uint8Array.from([0x52, 0x50, 0x69, 0x34, 0x00, 0xc0, 0x31, 0x14, ...mac.slice(2, 6), 0xa5, ...mac.slice(3, 6)]);
  return Uint8Array.from([...[0x67, 0x45, 0x8b, 0x6b, 0x7b, 0x32, 0xc6, 0x23, 0x64, 0x3c], ...mac]);
}
