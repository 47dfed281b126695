/**
 * IPv4 sockets for a protocol that needs to know the network that a datagram came from, and broadcasts its answers there: one socket
 * for the broadcasts of each interface, and one for each address of the machine. This file has the interface and the portable
 * implementation; the other is in `native/wire-sockets.ts`.
 */
import type { Socket } from 'node:dgram';
import { bound, enlarge, newSocket } from './dgram.ts';
import type { Address } from './listening.ts';
import { type ForeignSocket, foreignSockets, portHolder } from './port-holder.ts';

/** The bytes must not be kept. */
export type OnDatagram = (datagram: Uint8Array, from: Address) => void;

export interface WireSocket {
  /** A datagram that cannot be sent is lost. The bytes must not change afterwards. */
  send(datagram: Uint8Array, to: Address): void;
  /** The port is free when this returns. */
  close(): void;
}

/** An interface, and its address that broadcasts are answered from. */
export interface Wire {
  readonly device: string;
  readonly address: string;
}

/** Each function that opens a socket rejects with Node's system error: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
export interface WireSockets {
  /** Whether the interface of a broadcast is known. If not, only one interface can be served. */
  readonly tellsWires: boolean;
  /** Whether {@link openBroadcast} also hears what is sent to the interface's address. */
  readonly broadcastHearsUnicast: boolean;
  /**
   * Hears what is broadcast on an interface, and broadcasts there. Another process may have the port too, if it shares it as well
   * (SO_REUSEADDR): both hear each broadcast.
   */
  openBroadcast(wire: Wire, port: number, onDatagram: OnDatagram): Promise<WireSocket>;
  /**
   * Hears what is sent to an address.
   * @param shared whether another process may take the port too; the kernel then gives each datagram to one of the two
   */
  openUnicast(address: string, port: number, shared: boolean, onDatagram: OnDatagram): Promise<WireSocket>;
  /** The interface index of a device, on systems that bind sockets to devices. */
  deviceNumber(name: string): number | undefined;
  /** Sockets of other processes at a port, as far as the system tells. */
  foreign(port: number): readonly ForeignSocket[];
  /** Which other process has a port, for a message. */
  holder(port: number): string | undefined;
}

/** Room for the requests of a thousand machines that are switched on together. */
const BUFFER_BYTES = { receive: 4 * 1024 * 1024, send: 1024 * 1024 };

/** Only Linux delivers limited broadcasts to a socket that is bound to their address, and nothing else. */
const BROADCASTS = process.platform === 'linux' ? '255.255.255.255' : '0.0.0.0';

/** Node's own sockets, which do not tell the interface that a datagram came in by. */
export const portableWireSockets: WireSockets = {
  tellsWires: false,
  broadcastHearsUnicast: true,
  openBroadcast: async ({ address }, port, onDatagram) => {
    // A socket that is bound to an address broadcasts by the interface of that address.
    const sender = await openUnicast(address, port, BROADCASTS === '0.0.0.0', onDatagram);
    try {
      const receiver = await bound(newSocket({ family: 4, shared: true }), { address: BROADCASTS, port });
      const hearing = adopted(receiver, onDatagram);
      const close = () => {
        hearing.close();
        sender.close();
      };
      return { send: sender.send, close };
    } catch (error) {
      sender.close();
      throw error;
    }
  },
  openUnicast,
  deviceNumber: () => undefined,
  foreign: foreignSockets,
  holder: portHolder,
};

export async function openUnicast(address: string, port: number, shared: boolean, onDatagram: OnDatagram): Promise<WireSocket> {
  const socket = await bound(newSocket({ family: 4, shared }), { address, port });
  socket.setBroadcast(true);
  return adopted(socket, onDatagram);
}

/** A bound socket of node:dgram as a {@link WireSocket}. */
export function adopted(socket: Socket, onDatagram: OnDatagram): WireSocket {
  let isOpen = true;
  // A datagram that cannot be sent counts as lost, which protocols handle.
  socket.on('error', () => {});
  // An answer to port 0 is impossible.
  socket.on('message', (datagram, from) => from.port !== 0 && onDatagram(datagram, { address: from.address, port: from.port }));
  enlarge(socket, BUFFER_BYTES);
  return {
    send: (datagram, to) => {
      if (isOpen) socket.send(datagram, to.port, to.address);
    },
    close: () => {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}
