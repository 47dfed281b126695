/** What sockets are asked of the kernel: devices, marks, buffers; and that a refusal harms nothing. Loopback only. */

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { C, getOption, mustCall, nativeUnavailableReason } from '../../../src/net/native/libc.ts';
import { closeSocket, openSocket } from '../../../src/net/native/socket.ts';
import type { SocketAddress } from '../../../src/net/socket.ts';
import { resolveConfig } from '../../kit/config.ts';
import { folder, lab } from '../../kit/lab.ts';
import { freePort, serve } from '../../kit/serve.ts';
import { get, Peer } from '../../kit/tftp.ts';
import { describeWith, type Need, requireIpv6, requireRoot, requireTools } from '../../kit/tools.ts';

const native: Need = {
  what: `the native transport (${nativeUnavailableReason()})`,
  met: nativeUnavailableReason() === undefined,
};
const WANTED_BUFFER = 8 * 1024 ** 2;
const smallBuffers: Need = {
  what: 'a net.core.rmem_max below 8 MiB',
  met: native.met && Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8')) < WANTED_BUFFER,
};

function opened(to: SocketAddress, sharing?: readonly number[]) {
  const socket = openSocket(to, sharing);
  onTestFinished(() => closeSocket(socket.fd));
  return socket;
}

/** The device that a socket is bound to. */
function deviceOf(fd: number): string {
  const name = Buffer.from(new ArrayBuffer(16));
  const length = new Uint8Array(new Uint32Array([name.length]).buffer);
  mustCall('getsockopt', fd, C.SOL_SOCKET, C.SO_BINDTODEVICE, name, length);
  return name.toString('latin1').replace(/\0.*$/, '');
}

const markOf = (fd: number, six: boolean) =>
  six ? getOption(fd, C.IPPROTO_IPV6, C.IPV6_TCLASS) : getOption(fd, C.IPPROTO_IP, C.IP_TOS);

/** What binding the same address and port comes to for another program, which is ready to share it. */
function bindElsewhere(address: string, port: number): Promise<string> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.bind(port, address, () => resolve('bound'));
  }).finally(() => socket.close()) as Promise<string>;
}

describeWith('a socket', [native], () => {
  test.each(['127.0.0.1', ...(requireIpv6().met ? ['::1'] : [])])('on %s is marked as asked, or not at all', (address) => {
    const six = address === '::1';
    expect(markOf(opened({ address, port: 0, dscp: 46 }).fd, six)).toBe(46 * 4);
    expect(markOf(opened({ address, port: 0, dscp: 0 }).fd, six)).toBe(0);
    expect(markOf(opened({ address, port: 0 }).fd, six)).toBe(0);
  });

  test('that was bound by somebody else is marked, too', async () => {
    await using peer = await Peer.open();
    expect(openSocket({ fd: peer.fd, family: 'udp4', dscp: 10 }).notices).toEqual([]);
    expect(markOf(peer.fd, false)).toBe(10 * 4);
  });

  test('whose mark is refused works without', () => {
    // No traffic class has nine bits.
    const { notices, port } = opened({ address: '::1', port: 0, dscp: 64 });
    expect(port).toBeGreaterThan(0);
    expect(notices).toContainEqual({
      fields: { dscp: 64, reason: 'EINVAL' },
      message: 'packets cannot be marked: dscp has no effect',
    });
  });

  test('is bound to a device', () => {
    const { fd, notices } = opened({ address: '127.0.0.1', port: 0, device: 'lo' });
    expect(deviceOf(fd)).toBe('lo');
    expect(notices.filter(({ fields }) => 'device' in fields)).toEqual([]);
    expect(deviceOf(opened({ address: '127.0.0.1', port: 0 }).fd)).toBe('');
  });

  test('that cannot be bound to its device works without', () => {
    const { fd, notices } = opened({ address: '127.0.0.1', port: 0, device: 'no-such-device' });
    expect(deviceOf(fd)).toBe('');
    expect(notices).toContainEqual({
      fields: { device: 'no-such-device', reason: 'ENODEV' },
      message: expect.stringMatching(/^sockets cannot be bound to no-such-device: /),
    });
  });

  test('shares its address and port with another of ours on another device, and with nobody else', async () => {
    const address = '127.0.0.1';
    const first = opened({ address, port: 0 });
    const to = { address, port: first.port, device: 'lo' };
    expect(() => openSocket(to)).toThrow(expect.objectContaining({ code: 'EADDRINUSE', port: first.port }));
    const second = opened(to, [first.fd]);
    expect(second.port).toBe(first.port);
    expect(await bindElsewhere(address, first.port)).toBe('EADDRINUSE');
  });
});

describeWith('a name and an address of one interface', [native], () => {
  test('are listened on side by side, and either may go', async () => {
    const at = folder();
    at.put('ROOT/file', 'hello');
    const port = await freePort();
    const [byName, byAddress] = [
      { interface: 'lo', port },
      { address: '127.0.0.1', port },
    ];
    const config = { rootDir: at.root, stableMs: 0 };
    const { server, log } = await lab({ ...config, tftp: { transport: 'native', listen: [byName, byAddress] } }, at);
    const read = async () => (await get({ address: '127.0.0.1', port }, 'file')).bytes.toString();
    expect(await read()).toBe('hello');
    for (const listen of [[byAddress], [byName], [byName, byAddress], [byName]]) {
      await server.reload(resolveConfig({ ...config, tftp: { transport: 'native', listen } }, { dir: at.path }));
      expect(await read()).toBe('hello');
      expect(await bindElsewhere('127.0.0.1', port)).toBe('EADDRINUSE');
    }
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describeWith(
  'receive buffers that the kernel keeps small',
  [native, smallBuffers, requireRoot(), ...requireTools('setpriv')],
  () => {
    test('are told once, with what to do about it, and the server serves', async () => {
      const at = folder();
      at.put('ROOT/file', 'hello');
      // Without the right to exceed it, the limit counts.
      await using server = await serve({
        flags: ['--root-dir', at.root, '--interface', '127.0.0.1', '--interface', '127.0.0.2', '--port', '0'],
        listeners: 2,
        prefix: ['setpriv', '--bounding-set=-net_admin'],
        cwd: at.path,
      });
      await server.logged(({ msg }) => msg === 'ready');
      const told = server.log.filter(({ msg }) => msg.includes('rmem_max'));
      expect(told).toMatchObject([{ level: 40, wanted: WANTED_BUFFER }]);
      expect(told[0]!.msg).toContain(`sysctl -w net.core.rmem_max=${WANTED_BUFFER}`);
      expect(told[0]!.granted).toBeLessThan(WANTED_BUFFER);
      expect((await get(server.listeners[1]!, 'file')).bytes.toString()).toBe('hello');
    });
  },
);

test('the portable transport says once that it cannot mark packets, and works', async () => {
  const at = folder();
  at.put('ROOT/file', 'hello');
  const listen = [
    { address: '127.0.0.1', port: 0 },
    { address: '127.0.0.2', port: 0 },
  ];
  const { address, log } = await lab({ tftp: { transport: 'portable', dscp: 'ef', listen } }, at);
  expect((await get(address, 'file')).bytes.toString()).toBe('hello');
  const told = log.filter(({ msg }) => msg.includes('dscp'));
  expect(told).toEqual([{ level: 'warn', dscp: 46, msg: 'only the native transport can mark packets: dscp has no effect' }]);
});
