/** Sockets for the broadcasts of an interface: what fails leaves no descriptor, and what is closed leaves the port. Loopback only. */
import { expect, onTestFinished, test } from 'vitest';
import { bound, newSocket } from '../../../src/net/dgram.ts';
import { nativeUnavailableReason } from '../../../src/net/native/libc.ts';
import { nativeWireSockets } from '../../../src/net/native/wire-sockets.ts';
import { descriptors } from '../../kit/descriptors.ts';
import { freePort } from '../../kit/serve.ts';
import { describeWith } from '../../kit/tools.ts';

const native = { what: `the native transport (${nativeUnavailableReason()})`, met: nativeUnavailableReason() === undefined };
const LOOPBACK = { device: 'lo', address: '127.0.0.1' };

describeWith('a socket for broadcasts', [native], () => {
  test('belongs to Node once it is bound: closing it closes the descriptor and frees the port', async () => {
    const port = await freePort();
    for (let i = 0; i < 2; i++) {
      const socket = await nativeWireSockets.openBroadcast(LOOPBACK, port, () => {});
      expect(nativeWireSockets.foreign(port)).toEqual([]);
      socket.close();
      socket.send(Uint8Array.of(1), { address: '127.0.0.1', port });
    }
    const alone = await bound(newSocket({ family: 4 }), { address: '0.0.0.0', port });
    onTestFinished(() => void alone.close());
  });

  test('shares the port with sockets that share it', async () => {
    const port = await freePort();
    const other = await bound(newSocket({ family: 4, shared: true }), { address: '0.0.0.0', port });
    onTestFinished(() => void other.close());
    const socket = await nativeWireSockets.openBroadcast(LOOPBACK, port, () => {});
    socket.close();
  });

  test.each([
    ['an interface that does not exist', { device: 'absent', address: '127.0.0.1' }, false, 'ENODEV'],
    ['a port that is not shared', LOOPBACK, true, 'EADDRINUSE'],
  ] as const)('on %s is refused, and leaves no descriptor', async (_, wire, isTaken, code) => {
    const port = await freePort();
    if (isTaken) {
      const other = await bound(newSocket({ family: 4 }), { address: '0.0.0.0', port });
      onTestFinished(() => void other.close());
    }
    const attempt = () => nativeWireSockets.openBroadcast(wire, port, () => {});
    await expect(attempt()).rejects.toMatchObject({ code, address: '127.0.0.1', port });
    const before = descriptors();
    for (let i = 0; i < 20; i++) await attempt().catch(() => {});
    expect(descriptors()).toEqual(before);
  });
});
