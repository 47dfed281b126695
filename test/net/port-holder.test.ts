/** Which other process has a port. Loopback only. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bound, newSocket } from '../../src/net/dgram.ts';
import { foreignSockets, portHolder } from '../../src/net/port-holder.ts';
import { freePort } from '../kit/serve.ts';

/** Another process that binds the port. */
async function holding(address: string, port: number): Promise<number> {
  const script = `const s = require('node:dgram').createSocket('udp4'); s.bind(${port}, '${address}', () => console.log('bound'))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const ended = once(child, 'close');
    if (child.kill('SIGKILL')) await ended;
  });
  await once(child.stdout, 'data');
  return child.pid!;
}

describe.skipIf(process.platform !== 'linux')('a port', () => {
  test('of another process is known, with the address and the process', async () => {
    const port = await freePort();
    expect(foreignSockets(port)).toEqual([]);
    expect(portHolder(port)).toBeUndefined();
    const pid = await holding('127.0.0.1', port);
    expect(foreignSockets(port)).toMatchObject([{ address: '127.0.0.1', inode: expect.stringMatching(/^\d+$/) }]);
    expect(portHolder(port)).toMatch(new RegExp(` \\(process ${pid}\\)$`));
  });

  test('of every address is 0.0.0.0', async () => {
    const port = await freePort();
    await holding('0.0.0.0', port);
    expect(foreignSockets(port)).toMatchObject([{ address: '0.0.0.0' }]);
  });

  test('of this process has no other holder', async () => {
    const port = await freePort();
    const socket = await bound(newSocket({ family: 4 }), { address: '127.0.0.1', port });
    onTestFinished(() => void socket.close());
    expect(foreignSockets(port)).toEqual([]);
    expect(portHolder(port)).toBeUndefined();
  });
});
