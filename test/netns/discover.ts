/**
 * Broadcasts one DHCP request from port 68 and prints the first answer to it, in hex; nothing if none comes.
 *
 *     node discover.ts HEX
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const TIMEOUT_MS = 6000;
/** A server that has just started may not listen yet. */
const REPEAT_MS = 1000;

const request = Buffer.from(process.argv[2] ?? '', 'hex');
// The answer must not go to an address that this machine does not have.
request.writeUInt16BE(0x8000, 10);
const socket = createSocket('udp4').bind(68);
await once(socket, 'listening');
socket.setBroadcast(true);
const send = () => socket.send(request, 67, '255.255.255.255');
const repeat = setInterval(send, REPEAT_MS);
const timeout = setTimeout(end, TIMEOUT_MS);
socket.on('message', (answer) => {
  if (answer[0] !== 2 || answer.compare(request, 4, 8, 4, 8) !== 0) return;
  console.log(answer.toString('hex'));
  end();
});
send();

function end(): void {
  clearInterval(repeat);
  clearTimeout(timeout);
  socket.close();
}
