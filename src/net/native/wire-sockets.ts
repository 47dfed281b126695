/**
 * Wire sockets on Linux: the socket for broadcasts is bound to its interface, which Node cannot do. It is made here by system calls,
 * and then belongs to node:dgram, which closes it.
 */
import { bound, newSocket } from '../dgram.ts';
import { foreignSockets, portHolder } from '../port-holder.ts';
import { adopted, openUnicast, type WireSockets } from '../wire-sockets.ts';
import { C, call, mustCall, SystemError, setOption } from './libc.ts';
import { interfaceIndex, SOCKADDR_BYTES, writeLocal } from './sockaddr.ts';
import { tune } from './socket.ts';

export const nativeWireSockets: WireSockets = {
  tellsWires: true,
  broadcastHearsUnicast: false,
  openBroadcast: async ({ device, address }, port, onDatagram) => {
    const fd = openBroadcast(device, port, address);
    const socket = newSocket({ family: 4, shared: true });
    try {
      return adopted(await bound(socket, { fd }), onDatagram);
    } catch (error) {
      // Node fails before it takes the descriptor, or not at all.
      call('close', fd);
      throw error;
    }
  },
  openUnicast,
  deviceNumber: interfaceIndex,
  foreign: foreignSockets,
  holder: portHolder,
};

/**
 * Bound to the address of limited broadcasts, it hears nothing else: what is sent to this machine alone is left to whichever process
 * has the port.
 */
function openBroadcast(device: string, port: number, address: string): number {
  const fd = mustCall('socket', C.AF_INET, C.SOCK_DGRAM_CLOEXEC, 0);
  try {
    setOption(fd, C.SOL_SOCKET, C.SO_BROADCAST, 1);
    setOption(fd, C.SOL_SOCKET, C.SO_REUSEADDR, 1);
    setOption(fd, C.SOL_SOCKET, C.SO_BINDTODEVICE, device);
    const name = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES));
    mustCall('bind', fd, name, writeLocal(name, LIMITED_BROADCAST, port));
    tune(fd);
    return fd;
  } catch (error) {
    call('close', fd);
    throw error instanceof SystemError ? Object.assign(error, { address, port }) : error;
  }
}

const LIMITED_BROADCAST = '255.255.255.255';
