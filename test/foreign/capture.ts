/**
 * What a client really asks for: takes the request that it sends, and refuses it.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Family, loopback } from './clients.ts';
import { run } from './run.ts';

/** A request as it came. */
export interface Wire {
  readonly opcode: number;
  readonly name: string;
  readonly mode: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface Captured {
  /** `undefined` if the client sent none. */
  readonly wire: Wire | undefined;
  readonly output: string;
}

/** Runs the client that `command` makes for a port, and answers its request by ERROR 1. */
export async function capture(family: Family, command: (port: number) => readonly string[]): Promise<Captured> {
  const socket = createSocket(family === 'IPv4' ? 'udp4' : 'udp6');
  let wire: Wire | undefined;
  socket.on('message', (message, from) => {
    wire ??= read(message);
    socket.send(Buffer.from('\0\x05\0\x01no such file\0', 'latin1'), from.port, from.address);
  });
  socket.bind(0, loopback[family]);
  await once(socket, 'listening');
  try {
    const { output } = await run(command(socket.address().port), 5000);
    return { wire, output };
  } finally {
    socket.close();
  }
}

/** Takes the first block of an upload by an ACK that is sent twice; returns the second block, each time that it comes. */
export async function blocksAfterRepeatedAck(command: (port: number) => readonly string[]): Promise<readonly string[]> {
  const socket = createSocket('udp4');
  const blocks: string[] = [];
  socket.on('message', (message, { port, address }) => {
    const send = (text: string) => socket.send(Buffer.from(text, 'latin1'), port, address);
    const opcode = message.readUInt16BE(0);
    const block = message.readUInt16BE(2);
    if (opcode === 2) send('\0\x06blksize\x008\0windowsize\x001\0');
    else if (opcode === 3 && block === 1) {
      send('\0\x04\0\x01');
      send('\0\x04\0\x01');
    } else if (opcode === 3 && block === 2 && blocks.push(message.toString('latin1', 4)) === 2) send('\0\x05\0\0enough\0');
  });
  socket.bind(0, loopback.IPv4);
  await once(socket, 'listening');
  try {
    await run(command(socket.address().port), 5000);
    return blocks;
  } finally {
    socket.close();
  }
}

/** One line: `asks RRQ name octet blksize=512`. */
export function wireText({ opcode, name, mode, options }: Wire): string {
  const listed = Object.entries(options).map(([key, value]) => `${key}=${value}`);
  return ['asks', ['RRQ', 'WRQ'][opcode - 1] ?? `opcode ${opcode}`, name, mode, ...listed].join(' ');
}

function read(message: Buffer): Wire {
  const [name = '', mode = '', ...rest] = message.toString('latin1', 2).split('\0').slice(0, -1);
  const options: Record<string, string> = {};
  for (let at = 0; at + 1 < rest.length; at += 2) options[rest[at]!.toLowerCase()] = rest[at + 1]!;
  return { opcode: message.readUInt16BE(0), name, mode: mode.toLowerCase(), options };
}
