/**
 * The C library, called through koffi; the only file of the transport that knows either. Every function here is one or two
 * system calls, blocks no longer than requested, and reports failure as an errno. Numbers and layouts are those of Linux on
 * x86-64 with glibc.
 *
 * (`node:ffi`, experimental in Node 26, may replace koffi: then only this file changes.)
 */
import { createRequire } from 'node:module';
import { arch, constants, platform } from 'node:os';

const { errno: ERRNO } = constants;

/** Socket options and flags of Linux, x86-64. */
export const C = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_DGRAM_CLOEXEC: 2 | 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_BROADCAST: 6,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_SNDTIMEO: 21,
  SO_BINDTODEVICE: 25,
  SO_SNDBUFFORCE: 32,
  SO_RCVBUFFORCE: 33,
  IPPROTO_IP: 0,
  IP_TOS: 1,
  IPPROTO_IPV6: 41,
  IPV6_TCLASS: 67,
  IPV6_V6ONLY: 26,
  SOL_UDP: 17,
  UDP_SEGMENT: 103,
  EPOLLIN: 1,
  EPOLLET: 0x8000_0000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  MSG_DONTWAIT: 0x40,
  EPOLL_CLOEXEC: 0o2000000,
  M_MMAP_THRESHOLD: -3,
  M_ARENA_MAX: -8,
  RWF_NOWAIT: 8,
  MADV_HUGEPAGE: 14,
  EFD_NONBLOCK_CLOEXEC: 0o4000 | 0o2000000,
} as const;

type Call = (...args: readonly (number | Uint8Array | bigint | null)[]) => number;

interface Library {
  readonly address: (value: Uint8Array) => bigint;
  readonly errno: () => number;
  readonly call: { readonly [name in keyof typeof SIGNATURES]: Call };
}

const SIGNATURES = {
  socket: 'int socket(int, int, int)',
  bind: 'int bind(int, void *, uint32_t)',
  close: 'int close(int)',
  getsockname: 'int getsockname(int, void *, void *)',
  setsockopt: 'int setsockopt(int, int, int, void *, uint32_t)',
  getsockopt: 'int getsockopt(int, int, int, void *, void *)',
  madvise: 'int madvise(void *, uint64_t, int)',
  eventfd: 'int eventfd(unsigned int, int)',
  epoll_create1: 'int epoll_create1(int)',
  epoll_ctl: 'int epoll_ctl(int, int, int, void *)',
  epoll_wait: 'int epoll_wait(int, uintptr_t, int, int)',
  recvmmsg: 'int recvmmsg(int, uintptr_t, unsigned int, int, uintptr_t)',
  sendmmsg: 'int sendmmsg(int, uintptr_t, unsigned int, int)',
  recv: 'long recv(int, void *, size_t, int)',
  sendto: 'long sendto(int, uintptr_t, size_t, int, uintptr_t, uint32_t)',
  preadv2: 'long preadv2(int, uintptr_t, int, int64_t, int)',
  read: 'long read(int, uintptr_t, size_t)',
  write: 'long write(int, void *, size_t)',
  mallopt: 'int mallopt(int, int)',
  if_nametoindex: 'unsigned int if_nametoindex(str)',
} as const;

let library: Library | undefined;

/** Number of C library heaps, shared by all threads. */
const HEAPS = 2;
/** Allocations of at least this size are returned to the system when freed: segments of files would otherwise fragment the heaps. */
const MAPPED_BYTES = 32 * 1024;

/** Why the native transport cannot run here; `undefined` if it can. Loads koffi. */
export function nativeUnavailableReason(): string | undefined {
  if (platform() !== 'linux' || arch() !== 'x64') return `${platform()} on ${arch()}, not Linux on x64`;
  try {
    load();
    return undefined;
  } catch (error) {
    return `koffi or glibc is missing: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** Loads koffi ahead of its first use. Throws if {@link nativeUnavailableReason} gives a reason. */
export function loadLibrary(): void {
  load();
}

/** Memory address of the bytes. Valid while the caller keeps a reference to them. */
export function addressOf(bytes: Uint8Array): number {
  return Number(load().address(bytes));
}

/** On x86-64. */
const HUGE_PAGE_BYTES = 2 * 1024 ** 2;

/** Requests huge pages where they fit, so that large memory is mapped at once instead of page by page. Failure is harmless. */
export function preferHugePages(bytes: Uint8Array): void {
  const address = addressOf(bytes);
  const start = Math.ceil(address / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
  const end = Math.floor((address + bytes.length) / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
  if (end > start) call('madvise', start, end - start, C.MADV_HUGEPAGE);
}

/** An error with an `errno`, in the form of Node's own system errors. */
export class SystemError extends Error {
  readonly code: string;
  readonly syscall: string;

  constructor(syscall: string, errno: number, details: object = {}) {
    const code = Object.entries(ERRNO).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
    super(`${syscall} ${code}`);
    this.code = code;
    this.syscall = syscall;
    Object.assign(this, details);
  }
}

/** Calls a C function; a negative result means failure, and {@link errno} returns the cause. */
export function call(name: keyof typeof SIGNATURES, ...args: readonly (number | Uint8Array | bigint | null)[]): number {
  return load().call[name](...args);
}

/** The functions of the hot path, looked up once. */
export function hotCalls() {
  const { call: calls, errno } = load();
  return { recvmmsg: calls.recvmmsg, sendmmsg: calls.sendmmsg, sendto: calls.sendto, epollWait: calls.epoll_wait, errno };
}

/** Like {@link call}, but throws a {@link SystemError} on failure. */
export function mustCall(name: keyof typeof SIGNATURES, ...args: readonly (number | Uint8Array | bigint | null)[]): number {
  const result = call(name, ...args);
  if (result < 0) throw new SystemError(name, errno());
  return result;
}

/** Calls that have no effect: the kernel only checks that the socket exists. */
const IDLE_CALLS = {
  recvmmsg: (fd: number) => call('recvmmsg', fd, 0, 0, C.MSG_DONTWAIT, 0),
  sendmmsg: (fd: number) => call('sendmmsg', fd, 0, 0, 0),
  /** Without an address it fails with EDESTADDRREQ, and with another error if it is denied. */
  sendto: (fd: number) => (call('sendto', fd, 0, 0, 0, 0, 0) < 0 && errno() !== ERRNO.EDESTADDRREQ ? -1 : 0),
} as const;
export type IdleCall = keyof typeof IDLE_CALLS;
/** The kernel reports a pending network error of a socket once; another may arrive between calls. */
const IDLE_TRIES = 4;

/**
 * Throws a {@link SystemError} if a call fails with any arguments (denied by seccomp, unknown to the kernel, no such socket).
 * Use it after a failure that may concern only one datagram.
 */
export function checkAllowed(name: IdleCall, fd: number): void {
  for (let tries = 0; tries < IDLE_TRIES; tries++) if (IDLE_CALLS[name](fd) >= 0) return;
  throw new SystemError(name, errno());
}

export function errno(): number {
  return load().errno();
}

export function isInterrupted(error: number): boolean {
  return error === ERRNO.EINTR;
}

/** The socket's buffer or the device's queue is full. */
export function isCongestion(error: number): boolean {
  return error === ERRNO.EAGAIN || error === ERRNO.ENOBUFS;
}

/** Sets a socket option of type int or string. Throws a {@link SystemError}. */
export function setOption(fd: number, level: number, option: number, value: number | string): void {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : intBytes(value);
  mustCall('setsockopt', fd, level, option, bytes, bytes.length);
}

export function getOption(fd: number, level: number, option: number): number {
  const value = new Uint8Array(new ArrayBuffer(4));
  mustCall('getsockopt', fd, level, option, value, intBytes(4));
  return new DataView(value.buffer).getInt32(0, true);
}

function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(4));
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

function load(): Library {
  if (library) return library;
  const koffi = createRequire(import.meta.url)('koffi');
  const libc = koffi.load('libc.so.6');
  const call = Object.fromEntries(Object.entries(SIGNATURES).map(([name, signature]) => [name, libc.func(signature)]));
  library = { address: koffi.address, errno: () => koffi.errno(), call: call as Library['call'] };
  // Per-thread heaps would keep memory that other threads freed: 20 MB unused.
  library.call.mallopt(C.M_ARENA_MAX, HEAPS);
  library.call.mallopt(C.M_MMAP_THRESHOLD, MAPPED_BYTES);
  return library;
}
