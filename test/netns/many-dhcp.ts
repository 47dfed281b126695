/**
 * Many machines that are switched on within a second: broadcasts a DISCOVER of each, and prints how many were answered and how long
 * that took.
 *
 *     node many-dhcp.ts HEX MACHINES SPREAD_MS WAIT_MS
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const [hex = '', machines = '0', spread = '0', wait = '0'] = process.argv.slice(2);
const request = Buffer.from(hex, 'hex');
const count = Number(machines);
const socket = createSocket({ type: 'udp4', reuseAddr: true }).bind(68);
await once(socket, 'listening');
socket.setBroadcast(true);
socket.setRecvBufferSize(4 * 1024 * 1024);
const sentAt = new Map<number, number>();
const times: number[] = [];
socket.on('message', (answer) => {
  const xid = answer.readUInt32BE(4);
  const at = sentAt.get(xid);
  if (answer[0] !== 2 || at === undefined) return;
  sentAt.delete(xid);
  times.push(performance.now() - at);
  if (times.length === count) end();
});
const end = () => {
  socket.close();
  clearTimeout(timeout);
  times.sort((a, b) => a - b);
  const quantile = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))];
  console.log(JSON.stringify({ answered: times.length, p50: quantile(0.5), p99: quantile(0.99), max: times.at(-1) }));
};
const timeout = setTimeout(end, Number(spread) + Number(wait));
const begun = performance.now();
for (let i = 1; i <= count; i++) {
  const due = begun + ((i - 1) / count) * Number(spread);
  if (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
  const datagram = Buffer.from(request);
  datagram.writeUInt32BE(i, 4);
  datagram.writeUInt32BE(i, 30);
  sentAt.set(i, performance.now());
  socket.send(datagram, 67, '255.255.255.255');
}
