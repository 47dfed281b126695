/**
 * A program for which the kernel answers one system call with an error (seccomp), as a container's profile may. By bubblewrap,
 * which takes the filter as it is handed to the kernel.
 */
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { type Folder, folder } from './lab.ts';
import { type Need, requireTools } from './tools.ts';

/** Numbers of x86-64 (asm/unistd_64.h). */
const SYSCALLS = {
  sendto: 44,
  recvfrom: 45,
  epoll_wait: 232,
  epoll_ctl: 233,
  epoll_pwait: 281,
  eventfd2: 290,
  epoll_create1: 291,
  recvmmsg: 299,
  sendmmsg: 307,
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  epoll_pwait2: 441,
} as const;
export type Syscall = keyof typeof SYSCALLS;

/** What a denied call ends with. `OK` is success that has done nothing. */
export type Denial = 'EPERM' | 'ENOSYS' | 'OK';

const AUDIT_ARCH_X86_64 = 0xc000_003e;
/** struct seccomp_data */
const SECCOMP_DATA = { number: 0, architecture: 4 } as const;
/** Of linux/bpf_common.h: load a word, jump if equal, return. */
const BPF = { loadWord: 0x20, jumpIfEqual: 0x15, return: 0x06 } as const;
const SECCOMP_RET = { errno: 0x0005_0000, allow: 0x7fff_0000 } as const;

/** bubblewrap, and a kernel that lets it make a mount namespace. */
export function requireBubblewrap(): readonly Need[] {
  const tools = requireTools('bwrap');
  if (!tools.every(({ met }) => met)) return tools;
  const { status } = spawnSync('bwrap', ['--dev-bind', '/', '/', '--', '/bin/true'], { stdio: 'ignore', timeout: 10_000 });
  return [...tools, { what: 'namespaces for bwrap', met: status === 0 }, { what: 'x86-64', met: process.arch === 'x64' }];
}

/** The command to run a program with. It goes when bubblewrap is ended. */
export function denying(call: Syscall, denial: Denial, at: Folder = folder()): readonly string[] {
  const file = at.put(`no-${call}-${denial}.bpf`, filter(SYSCALLS[call], denial === 'OK' ? 0 : constants.errno[denial]));
  return ['sh', '-c', 'exec bwrap --dev-bind / / --die-with-parent --seccomp 9 -- "$@" 9<"$0"', file];
}

/** struct sock_filter, one after the other: code (16 bits), jumps if true and if false (8 each), operand (32). */
function filter(number: number, errno: number): Uint8Array {
  const program: readonly (readonly [code: number, ifTrue: number, ifFalse: number, operand: number])[] = [
    [BPF.loadWord, 0, 0, SECCOMP_DATA.architecture],
    [BPF.jumpIfEqual, 0, 3, AUDIT_ARCH_X86_64],
    [BPF.loadWord, 0, 0, SECCOMP_DATA.number],
    [BPF.jumpIfEqual, 0, 1, number],
    [BPF.return, 0, 0, SECCOMP_RET.errno | errno],
    [BPF.return, 0, 0, SECCOMP_RET.allow],
  ];
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, ifTrue, ifFalse, operand]] of program.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, ifTrue);
    view.setUint8(i * 8 + 3, ifFalse);
    view.setUint32(i * 8 + 4, operand, true);
  }
  return bytes;
}
