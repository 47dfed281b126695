/** Clients that ask and never answer. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode, Opcode } from '../../src/tftp/protocol/packet.ts';
import { folder } from './lab.ts';
import type { Served } from './serve.ts';

const ADDRESSES = 50;

/** A root that goes with the test, with files `f1.img` and so on. */
export function servedFiles(count: number, fileBytes: number): string {
  const at = folder();
  const bytes = new Uint8Array(fileBytes).fill(7);
  for (let n = 1; n <= count; n++) at.put(`ROOT/f${n}.img`, bytes);
  return at.root;
}

/**
 * Asks for each of the files, so many times. A burst comes while the server does not run: it finds all of it at once, and what
 * the machine does beside makes no difference.
 */
export async function flood(server: Served, files: number, bursts: number): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: ADDRESSES }, (_, n) => silentSocket(`127.0.9.${n + 1}`)));
  try {
    for (let burst = 0; burst < bursts; burst++) {
      process.kill(server.pid, 'SIGSTOP');
      await Promise.all(Array.from({ length: files }, (_, n) => ask(sockets[n % ADDRESSES]!, server.port, `f${n + 1}.img`)));
      const before = server.log.length;
      process.kill(server.pid, 'SIGCONT');
      await quiet(() => server.log.length - before);
    }
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** Takes what comes, and answers nothing. */
async function silentSocket(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

function ask(socket: Socket, port: number, name: string): Promise<void> {
  const request = encode({ opcode: Opcode.rrq, name, mode: 'octet', options: [] });
  return new Promise((resolve, reject) =>
    socket.send(request, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
  );
}

/** Resolves when a number has grown, and then stood still for a second; or after twenty. */
async function quiet(count: () => number): Promise<void> {
  for (let last = 0, still = 0, looks = 0; still < 4 && looks < 80; looks++) {
    await sleep(250);
    const now = count();
    still = now > 0 && now === last ? still + 1 : 0;
    last = now;
  }
}
