/** Where the native transport, or a part of it, is refused: the server says so and serves. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nativeUnavailableReason } from '../../../../src/net/native/libc.ts';
import { type Folder, folder, lab } from '../../../kit/lab.ts';
import { seeded } from '../../../kit/random.ts';
import { refuseSegmentation } from '../../../kit/segmentation.ts';
import { freePort, type ServeOptions, serve } from '../../../kit/serve.ts';
import { get } from '../../../kit/tftp.ts';
import { describeWith, type Need, requireTools } from '../../../kit/tools.ts';

const native: Need = { what: 'the native transport', met: nativeUnavailableReason() === undefined };
const file = seeded(5).bytes(1_000_000);

/** Serves a file with a window, and says what was logged beside the usual. */
async function logOf(at: Folder, transport: string, options: Omit<ServeOptions, 'flags'>): Promise<readonly string[]> {
  const port = await freePort();
  at.put('ROOT/file', file);
  const keys = `rootDir: './ROOT', tftp: { transport: '${transport}', dscp: 8, listen: [{ address: '127.0.0.1', port: ${port} }] }`;
  const config = at.put('pxe.config.ts', `export default { ${keys} };\n`);
  await using server = await serve({ ...options, flags: ['--config', config] });
  const got = await get({ address: '127.0.0.1', port }, 'file', { options: { blksize: 1428, windowsize: 16 }, retryMs: 3000 });
  expect(got.error).toBeUndefined();
  expect(got.bytes.equals(file)).toBe(true);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.noise).toEqual([]);
  const lines = server.log.filter(({ msg }) => /native|portable|buffers|marked/.test(msg));
  return lines.map(({ level, msg, reason = '' }) => `${level} ${msg} (${String(reason).slice(0, 28)})`);
}

/** Has `require('koffi')` fail, as where there is no binary for the platform. */
const withoutKoffi = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module';
registerHooks({ resolve(specifier, context, next) {
  if (specifier === 'koffi') throw new Error('Cannot find the native Koffi module');
  return next(specifier, context);
} });`)}`;

describeWith('without koffi', [native], () => {
  test.each([
    ['auto', 30, 'using the portable transport'],
    ['native', 40, 'the native transport is not available here: using the portable one'],
  ] as const)('transport: %s', { timeout: 60_000 }, async (transport, level, message) => {
    const log = await logOf(folder(), transport, { env: { NODE_OPTIONS: `--import=${withoutKoffi}` } });
    expect(log).toEqual([
      `${level} ${message} (koffi or glibc is missing: C)`,
      '40 only the native transport can mark packets: dscp has no effect ()',
    ]);
  });
});

/** Runs a program for which the kernel refuses setsockopt, as a container's seccomp profile may. */
const refuser = `
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  (void)argc;
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { sizeof code / sizeof *code, code };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 99;
  return execvp(argv[1], argv + 1);
}
`;

describeWith('where setsockopt is refused', [native, ...requireTools('cc')], () => {
  test('it serves, and says what it does without', { timeout: 60_000 }, async () => {
    const at = folder();
    const program = join(at.path, 'refuse');
    execFileSync('cc', ['-o', program, at.put('refuse.c', refuser)]);
    const log = await logOf(at, 'native', { prefix: [program] });
    expect(log).toEqual([
      expect.stringMatching(/^40 receive buffers are small, so a burst of requests may be lost/),
      '40 packets cannot be marked: dscp has no effect (EPERM)',
    ]);
  });
});

/** Sockets of this process. */
function sockets(): number[] {
  const isSocket = (fd: string): boolean => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  };
  return readdirSync('/proc/self/fd').filter(isSocket).map(Number);
}

describeWith('where the kernel refuses to cut a window up', [native], () => {
  test('the first window is sent again, block by block, and everybody is served', async () => {
    const before = new Set(sockets());
    const { address, put, end, ended } = await lab({ tftp: { transport: 'native', limits: { minTimeoutMs: 50 } } });
    put('ROOT/file', file);
    for (const fd of sockets()) if (!before.has(fd)) refuseSegmentation(fd);
    for (let round = 0; round < 2; round++) {
      const got = await get(address, 'file', { options: { blksize: 1428, windowsize: 16 }, retryMs: 5000 });
      expect(got.error).toBeUndefined();
      expect(got.bytes.equals(file)).toBe(true);
    }
    await end(() => ended.length === 2);
    expect(ended.map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
    expect(ended[0]!.tftp!.retransmissions).toBeGreaterThan(0);
  });
});
