/**
 * How long a round trip takes: a datagram to a port where nobody listens, and the other kernel's answer (ICMP). No program on the
 * other side has a share in it.
 *
 *     node rtt.ts ADDRESS        prints the shortest of five, in milliseconds
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const NOBODY = 9;
/** The kernel answers six in a row, and then one a second. */
const PROBES = 5;
const PATIENCE_MS = 1200;
const ATTEMPTS = 20;

const socket = createSocket('udp4');
socket.connect(NOBODY, process.argv[2]);
await once(socket, 'connect');
const times: number[] = [];
for (let i = 0; i < ATTEMPTS && times.length < PROBES; i++) {
  const begun = performance.now();
  socket.send('?');
  const answered = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS, false);
    socket.once('error', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
  if (answered) times.push(performance.now() - begun);
}
socket.close();
if (times.length < PROBES) throw new Error(`${process.argv[2]} does not answer`);
console.log(Math.min(...times));
