/**
 * UDP sockets made by system calls. The main thread creates and closes all of them: the socket of a dead thread would stay open
 * and swallow datagrams.
 */
import { isIPv6 } from 'node:net';
import { peerOf } from '../../base/peer.ts';
import type { Address } from '../listening.ts';
import type { SocketAddress } from '../socket.ts';
import { C, call, getOption, mustCall, SystemError, setOption } from './libc.ts';
import { readPeer, SOCKADDR_BYTES, writeLocal } from './sockaddr.ts';

/** Room for the first requests of a storm: a thousand, each of which the kernel charges with 768 bytes or more. */
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;
/** Maximum time a send waits for buffer space: the data thread's loop must go on. */
const SEND_TIMEOUT_MS = 20;

export interface BoundSocket extends Address {
  readonly fd: number;
  /** Requests that the kernel did not grant; the socket works without them. */
  readonly notices: readonly Notice[];
}

/** A message for the operator. */
export interface Notice {
  readonly fields: object;
  readonly message: string;
}

/**
 * Throws a {@link SystemError} with the codes of Node's own sockets: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`.
 * @param sharing descriptors of this process that use the same address and port
 */
export function openSocket(to: SocketAddress, sharing: readonly number[] = []): BoundSocket {
  if ('fd' in to) {
    const name = nameOf(to.fd);
    return { ...name, fd: to.fd, notices: [...tune(to.fd), ...mark(to.fd, isIPv6(name.address), to.dscp)] };
  }
  const { address, port, device, dscp } = to;
  const six = isIPv6(address.split('%')[0] ?? '');
  const fd = mustCall('socket', six ? C.AF_INET6 : C.AF_INET, C.SOCK_DGRAM_CLOEXEC, 0);
  try {
    if (six) setOption(fd, C.IPPROTO_IPV6, C.IPV6_V6ONLY, 1);
    const notices = [...bindToDevice(fd, device), ...tune(fd), ...mark(fd, six, dscp)];
    withSharedPort([fd, ...sharing], () => {
      const name = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES));
      const length = writeLocal(name, address, port);
      mustCall('bind', fd, name, length);
    });
    return { address, port: nameOf(fd).port, fd, notices };
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

/**
 * Binds several sockets to one address and port: the kernel delivers a datagram to the one bound to the interface it arrived by.
 * SO_REUSEADDR is set only during the bind, or another program could take the port unnoticed.
 */
function withSharedPort(fds: readonly number[], bind: () => void): void {
  const share = (value: 0 | 1) => {
    if (fds.length > 1) for (const fd of fds) setOption(fd, C.SOL_SOCKET, C.SO_REUSEADDR, value);
  };
  share(1);
  try {
    bind();
  } finally {
    share(0);
  }
}

/** Before `bind`, as it determines which addresses are available. Old kernels require CAP_NET_RAW. */
function bindToDevice(fd: number, device: string | undefined): Notice[] {
  if (device === undefined) return [];
  const message = `sockets cannot be bound to ${device}: packets that reach its addresses through another interface are answered as well`;
  return refusal(() => setOption(fd, C.SOL_SOCKET, C.SO_BINDTODEVICE, device), { device }, message);
}

function mark(fd: number, six: boolean, dscp: number | undefined): Notice[] {
  if (dscp === undefined) return [];
  // The lower two bits are ECN (RFC 3168).
  const bits = dscp << 2;
  return refusal(
    () => {
      if (six) setOption(fd, C.IPPROTO_IPV6, C.IPV6_TCLASS, bits);
      // An IPv6 socket may have IPv4 peers.
      setOption(fd, C.IPPROTO_IP, C.IP_TOS, bits);
    },
    { dscp },
    'packets cannot be marked: dscp has no effect',
  );
}

/** All of these options are optional: a container may refuse any of them. */
function refusal(attempt: () => void, fields: object, message: string): Notice[] {
  try {
    attempt();
    return [];
  } catch (error) {
    return [{ fields: { ...fields, reason: error instanceof SystemError ? error.code : String(error) }, message }];
  }
}

/** Enlarges the buffers, beyond the system's limit if permitted (CAP_NET_ADMIN), else up to it. */
export function tune(fd: number): Notice[] {
  grow(fd, C.SO_RCVBUFFORCE, C.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
  grow(fd, C.SO_SNDBUFFORCE, C.SO_SNDBUF, SEND_BUFFER_BYTES);
  const timeout = new Uint8Array(new BigInt64Array([0n, BigInt(SEND_TIMEOUT_MS * 1000)]).buffer);
  call('setsockopt', fd, C.SOL_SOCKET, C.SO_SNDTIMEO, timeout, timeout.length);
  // The kernel returns twice the requested value.
  const granted = getOption(fd, C.SOL_SOCKET, C.SO_RCVBUF) / 2;
  if (granted >= RECEIVE_BUFFER_BYTES) return [];
  const message = `receive buffers are small, so a burst of requests may be lost: sysctl -w net.core.rmem_max=${RECEIVE_BUFFER_BYTES}`;
  return [{ fields: { granted, wanted: RECEIVE_BUFFER_BYTES }, message }];
}

function grow(fd: number, force: number, plain: number, bytes: number): void {
  try {
    setOption(fd, C.SOL_SOCKET, force, bytes);
  } catch {
    try {
      setOption(fd, C.SOL_SOCKET, plain, bytes);
    } catch {}
  }
}
