/**
 * ACKs of no transfer, as many a second as are wanted; run by `flood.ts` with an IPC channel:
 *
 *     node scripts/lib/stray-acks.ts PORT A_SECOND SECONDS
 *
 * It posts a {@link FloodReport} when it is done. It sends by batched system calls, so Linux on x86-64 only.
 */
import { peerKey } from '../../src/base/peer.ts';
import { Batch } from '../../src/net/native/batch.ts';
import { closeSocket, openSocket } from '../../src/net/native/socket.ts';
import { ack } from '../../test/kit/tftp.ts';

export interface FloodReport {
  readonly kind: 'report';
  readonly sent: number;
  readonly seconds: number;
}

const [port, perSecond, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const { fd } = openSocket({ address: '127.0.0.1', port: 0 });
const sender = { fd, segmentation: { works: false }, closed: false };
const server = peerKey('127.0.0.1', port);
const stray = ack(1);
const batch = new Batch();
const pause = new Int32Array(new SharedArrayBuffer(4));
const begun = performance.now();
let sent = 0;
for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - begun) / 1000) {
  for (const due = Math.floor(perSecond * elapsed); sent < due; sent++) batch.send(sender, server, stray);
  batch.flush();
  Atomics.wait(pause, 0, 0, 1);
}
closeSocket(fd);
process.send?.({ kind: 'report', sent, seconds: (performance.now() - begun) / 1000 } satisfies FloodReport);
process.disconnect?.();
