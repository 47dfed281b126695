/**
 * Sends DHCP requests, and prints every answer that comes within a time: a line of JSON for each.
 *
 *     node ask-dhcp.ts TO PORT FROM_PORT MS HEX...
 *
 * TO may be 255.255.255.255. Without HEX it only listens.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const [to = '', port = '', fromPort = '', ms = '', ...requests] = process.argv.slice(2);
const socket = createSocket({ type: 'udp4', reuseAddr: true }).bind(Number(fromPort));
await once(socket, 'listening');
socket.setBroadcast(true);
socket.on('message', (answer, from) => {
  // Own broadcasts may come back.
  if (answer[0] === 2) console.log(JSON.stringify({ from: from.address, port: from.port, hex: answer.toString('hex') }));
});
for (const hex of requests) socket.send(Buffer.from(hex, 'hex'), Number(port), to);
setTimeout(() => socket.close(), Number(ms));
