/**
 * Asks for a file once, by a request to any address, broadcasts too; takes it if it is one block long. Prints the addresses that
 * answered, those of several answers in order.
 *
 *     node ask.ts ADDRESS PORT NAME
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ack, rrq } from '../kit/tftp.ts';

const PATIENCE_MS = 1500;
/** After an answer: whether there is a second one. */
const MORE_MS = 200;

const [address = '', port = '', name = ''] = process.argv.slice(2);
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
socket.bind();
await once(socket, 'listening');
if (!address.includes(':')) socket.setBroadcast(true);
const answered: string[] = [];
socket.on('message', (_bytes, from) => {
  answered.push(from.address);
  socket.send(ack(1), from.port, from.address);
  timer.refresh();
});
let timer = setTimeout(end, PATIENCE_MS);
socket.once('message', () => {
  clearTimeout(timer);
  timer = setTimeout(end, MORE_MS);
});
socket.send(rrq(name), Number(port), address);

function end(): void {
  socket.close();
  console.log(answered.join(' '));
}
