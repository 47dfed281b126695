/**
 * UDP sockets made by system calls. The main thread makes and closes every one of them: a socket of a dead thread would stay
 * open and swallow datagrams.
 */
import { isIPv6 } from 'node:net';
import { peerKey, peerOf } from '../../protocol/peer.ts';
import type { SocketAddress } from '../socket.ts';
import type { Address } from '../transport.ts';
import { C, call, getOption, mustCall, SystemError, setOption } from './libc.ts';
import { readPeer, SOCKADDR_BYTES, writePeer } from './sockaddr.ts';

/** A storm's first requests wait here: a thousand of them, and the kernel counts 768 bytes and more for each. */
export const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;
/** A send waits no longer for room; the loop of the data thread must go on. */
const SEND_TIMEOUT_MS = 20;

export interface BoundSocket extends Address {
  readonly fd: number;
  /** What the kernel granted of {@link RECEIVE_BUFFER_BYTES}. */
  readonly receiveBufferBytes: number;
}

/** Throws a {@link SystemError} such as Node's own sockets give: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
export function openSocket(to: SocketAddress): BoundSocket {
  if ('fd' in to) return { ...nameOf(to.fd), fd: to.fd, receiveBufferBytes: tune(to.fd) };
  const { address, port } = to;
  const six = isIPv6(address.split('%')[0] ?? '');
  const fd = mustCall('socket', six ? C.AF_INET6 : C.AF_INET, C.SOCK_DGRAM_CLOEXEC, 0);
  try {
    if (six) setOption(fd, C.IPPROTO_IPV6, C.IPV6_V6ONLY, 1);
    const name = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES));
    const length = writePeer(name, 0, peerKey(address, port));
    mustCall('bind', fd, name, length);
    return { address, port: nameOf(fd).port, fd, receiveBufferBytes: tune(fd) };
  } catch (error) {
    call('close', fd);
    throw error instanceof SystemError ? Object.assign(error, { address, port }) : error;
  }
}

export function closeSocket(fd: number): void {
  call('close', fd);
}

function nameOf(fd: number): Address {
  const name = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES));
  const length = new Uint8Array(new Uint32Array([SOCKADDR_BYTES]).buffer);
  mustCall('getsockname', fd, name, length);
  return peerOf(readPeer(name, 0));
}

/** Buffers as large as they may be: beyond the system's limit with the right to (CAP_NET_ADMIN), else up to it. */
function tune(fd: number): number {
  grow(fd, C.SO_RCVBUFFORCE, C.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
  grow(fd, C.SO_SNDBUFFORCE, C.SO_SNDBUF, SEND_BUFFER_BYTES);
  const timeout = new Uint8Array(new BigInt64Array([0n, BigInt(SEND_TIMEOUT_MS * 1000)]).buffer);
  call('setsockopt', fd, C.SOL_SOCKET, C.SO_SNDTIMEO, timeout, timeout.length);
  // The kernel tells twice what it was asked for.
  return getOption(fd, C.SOL_SOCKET, C.SO_RCVBUF) / 2;
}

/** Everything here is a courtesy: a container may refuse any of it. */
function grow(fd: number, force: number, plain: number, bytes: number): void {
  try {
    setOption(fd, C.SOL_SOCKET, force, bytes);
  } catch {
    try {
      setOption(fd, C.SOL_SOCKET, plain, bytes);
    } catch {}
  }
}
