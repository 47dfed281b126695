/** System calls that are denied one by one, as by a container's profile: the server serves, and says by which transport if it is the lesser. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { folder } from '../kit/lab.ts';
import { cli, run } from '../kit/pxe.ts';
import { seeded } from '../kit/random.ts';
import { type Denial, denying, requireBubblewrap, type Syscall } from '../kit/seccomp.ts';
import { type Served, serve } from '../kit/serve.ts';
import { get } from '../kit/tftp.ts';
import { describeWith } from '../kit/tools.ts';

const file = seeded(5).bytes(1_000_000);
const LINE = 'the native transport does not work here: using the portable one';
const LOST = 'datagrams to itself on 127.0.0.1 arrive with sendto and recv, but not with sendmmsg and recvmmsg';

/** Calls that the native transport needs and Node does not: what the line gives as the reason. */
const FALLS_BACK: readonly (readonly [Syscall, Denial, string])[] = [
  ...(['sendmmsg', 'recvmmsg', 'epoll_wait', 'epoll_ctl'] as const).flatMap((call) =>
    (['EPERM', 'ENOSYS'] as const).map((denial) => [call, denial, `the system call ${call} fails with ${denial}`] as const),
  ),
  // Nothing is refused, and nothing happens.
  ['sendmmsg', 'OK', LOST],
  ['recvmmsg', 'OK', LOST],
  ['epoll_wait', 'OK', 'an eventfd does not wake epoll_wait'],
];

/** Calls that neither needs. */
const NATIVE: readonly (readonly [Syscall, Denial])[] = [
  ...(['io_uring_setup', 'io_uring_register', 'epoll_pwait2'] as const).flatMap((call) =>
    (['EPERM', 'ENOSYS'] as const).map((denial) => [call, denial] as const),
  ),
  // The plain datagram that the others are compared with never comes, as if a packet filter let nothing pass on loopback.
  ['recvfrom', 'EPERM'],
];

/** Calls that Node itself cannot do without: it aborts before it reads the first line of a program, so there is nothing that could say why. */
const NODE_ABORTS: readonly (readonly [Syscall, RegExp])[] = [
  ['epoll_create1', /Assertion failed: \(uv_loop_init/],
  ['eventfd2', /Assertion failed: \(uv_loop_init/],
  ['io_uring_enter', /libuv: io_uring_enter/],
  ['epoll_pwait', /uv__io_poll.*Assertion `errno == EINTR' failed/],
];

async function servedWithout(call: Syscall, denial: Denial, transport = 'auto'): Promise<Served> {
  const at = folder();
  at.put('ROOT/file', file);
  const listen = [{ address: '127.0.0.1', port: 0 }];
  at.put('pxe.config.json', JSON.stringify({ rootDir: 'ROOT', stableMs: 0, tftp: { transport, listen } }));
  const server = await serve({ flags: [], cwd: at.path, prefix: denying(call, denial, at) });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

async function expectServes(server: Served): Promise<void> {
  const { bytes, error } = await get(server.listeners[0]!, 'file', { options: { blksize: 1428, windowsize: 16 }, retryMs: 3000 });
  expect(error).toBeUndefined();
  expect(bytes.equals(file)).toBe(true);
  expect(server.noise).toEqual([]);
}

/** The log's lines about transports. */
function saidBy(server: Served): unknown[] {
  return server.log.flatMap(({ level, msg, reason }) => (/native|portable/.test(msg) ? [{ level, msg, reason }] : []));
}

describeWith('a system call is denied', requireBubblewrap(), () => {
  test.each(FALLS_BACK)('%s (%s): served by the portable transport, with a line', async (call, denial, reason) => {
    const server = await servedWithout(call, denial);
    await expectServes(server);
    expect(saidBy(server)).toEqual([{ level: 40, msg: LINE, reason }]);
  });

  test('the native transport was asked for: the same', async () => {
    const server = await servedWithout('recvmmsg', 'EPERM', 'native');
    await expectServes(server);
    expect(saidBy(server)).toEqual([{ level: 40, msg: LINE, reason: 'the system call recvmmsg fails with EPERM' }]);
  });

  test.each(NATIVE)('%s (%s): served by the native transport', async (call, denial) => {
    const server = await servedWithout(call, denial);
    await expectServes(server);
    expect(saidBy(server)).toEqual([]);
  });

  test.each(NODE_ABORTS)('%s: Node aborts, and says where', async (call, words) => {
    const at = folder();
    for (const denial of ['EPERM', 'ENOSYS'] as const) {
      const { code, stdout, stderr } = await run([process.execPath, '-e', 'console.log("program")'], {
        prefix: denying(call, denial, at),
      });
      expect({ code, stdout }).toEqual({ code: 128 + 6, stdout: '' });
      expect(stderr).toMatch(words);
    }
  });

  describe('under pxe storm', () => {
    test.each([
      ['recvmmsg', 'EPERM'],
      ['sendto', 'ENOSYS'],
      ['epoll_wait', 'EPERM'],
    ] as const)('%s (%s)', async (call, denial) => {
      const server = await servedWithout('io_uring_setup', 'EPERM');
      const { address, port } = server.listeners[0]!;
      const url = `tftp://${address}:${port}/file`;
      const flags = ['--clients', '2', '--boots', '2', '--profile', 'edk2', '--json'];
      const storm = (more: readonly string[]) =>
        run([process.execPath, cli, 'storm', url, ...flags, ...more], { prefix: denying(call, denial) });
      const auto = await storm([]);
      expect(JSON.parse(auto.stdout)).toMatchObject({ transport: 'portable', boots: { completed: 2 } });
      const native = await storm(['--transport', 'native']);
      expect(native.code).not.toBe(0);
      expect(native.stderr).toContain(`no native transport: the system call ${call} fails with ${denial}`);
    });
  });
});
