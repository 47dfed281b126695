/**
 * A wire with a length and a width, in user space: what is written into one TUN device comes out of the other after a delay, at
 * a rate. For kernels without netem. It makes both devices where it is started; whoever starts it may then move one elsewhere.
 *
 *     node relay.ts DEVICE DEVICE DELAY_MS BITS_PER_SECOND
 *
 * Prints `ready`, and then `DEVICE UDP4 TOS` (or `UDP6`) for each type of service that packets from a device come with.
 */
import { constants, openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';

const TUNSETIFF = 0x400454ca;
const IFF_TUN_NO_PI = 0x0001 | 0x1000;
const POLLIN = 1;
const UDP = 17;
/** Preamble, Ethernet header, checksum and gap: what a frame on a real wire has beside its packet. */
const FRAME_BYTES = 38;
const MAX_WAIT_MS = 100;

const koffi = createRequire(import.meta.url)('koffi');
const libc = koffi.load('libc.so.6');
const ioctl = libc.func('int ioctl(int, unsigned long, void *)');
const read = libc.func('long read(int, void *, size_t)');
const write = libc.func('long write(int, void *, size_t)');
const ppoll = libc.func('int ppoll(void *, unsigned long, void *, void *)');

const [first = '', second = '', delay = '0', rate = '0'] = process.argv.slice(2);
const delayMs = Number(delay);
const bytesPerMs = Number(rate) / 8 / 1000;

interface Direction {
  readonly device: string;
  readonly from: number;
  readonly to: number;
  readonly queue: { readonly due: number; readonly packet: Uint8Array }[];
  /** When the wire has taken all that was written so far. */
  free: number;
  readonly seen: Set<string>;
}

const [one, other] = [openDevice(first), openDevice(second)];
const directions = [direction(first, one, other), direction(second, other, one)];
const buffer = new Uint8Array(new ArrayBuffer(65_536));
const fds = new Uint8Array(new ArrayBuffer(16));
const fdView = new DataView(fds.buffer);
for (const [i, { from }] of directions.entries()) {
  fdView.setInt32(i * 8, from, true);
  fdView.setInt16(i * 8 + 4, POLLIN, true);
}
const timeout = new BigInt64Array(2);
say('ready');

for (;;) {
  for (const direction of directions) take(direction);
  for (const direction of directions) deliver(direction);
  const next = Math.min(...directions.map(({ queue }) => queue[0]?.due ?? Number.POSITIVE_INFINITY));
  const waitMs = Math.max(0, Math.min(MAX_WAIT_MS, next - performance.now()));
  timeout[1] = BigInt(Math.round(waitMs * 1e6));
  ppoll(fds, 2, new Uint8Array(timeout.buffer), null);
}

function openDevice(name: string): number {
  const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  const request = Buffer.from(new ArrayBuffer(40));
  request.write(name, 'latin1');
  request.writeUInt16LE(IFF_TUN_NO_PI, 16);
  if (ioctl(fd, TUNSETIFF, request) < 0) throw new Error(`no TUN device ${name}: errno ${koffi.errno()}`);
  return fd;
}

function direction(device: string, from: number, to: number): Direction {
  return { device, from, to, queue: [], free: 0, seen: new Set() };
}

function take(direction: Direction): void {
  for (
    let length = read(direction.from, buffer, buffer.length);
    length > 0;
    length = read(direction.from, buffer, buffer.length)
  ) {
    const packet = buffer.slice(0, length);
    direction.free = Math.max(direction.free, performance.now()) + (length + FRAME_BYTES) / bytesPerMs;
    direction.queue.push({ due: direction.free + delayMs, packet });
    look(direction, packet);
  }
}

function deliver({ to, queue }: Direction): void {
  const now = performance.now();
  for (; queue[0] && queue[0].due <= now; queue.shift()) write(to, queue[0].packet, queue[0].packet.length);
}

function look({ device, seen }: Direction, packet: Uint8Array): void {
  const four = packet[0]! >> 4 === 4;
  const [protocol, tos] = four ? [packet[9]!, packet[1]!] : [packet[6]!, ((packet[0]! & 15) << 4) | (packet[1]! >> 4)];
  const line = `${device} ${four ? 'UDP4' : 'UDP6'} ${tos}`;
  if (protocol !== UDP || seen.has(line)) return;
  seen.add(line);
  say(line);
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
