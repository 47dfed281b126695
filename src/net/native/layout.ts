/**
 * Layouts of kernel structures on 64-bit Linux: offsets and sizes in bytes.
 */

/** struct msghdr */
export const MSGHDR = {
  name: 0,
  nameLength: 8,
  vectors: 16,
  vectorCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
} as const;

/** struct mmsghdr: a msghdr, and the number of bytes sent or received. */
export const MMSGHDR = { length: 56, bytes: 64 } as const;

/** struct iovec: address and length. */
export const IOVEC = { address: 0, length: 8, bytes: 16 } as const;

/** struct cmsghdr with a 16-bit value, for UDP_SEGMENT; `bytes` is CMSG_SPACE, `used` CMSG_LEN. */
export const CMSG16 = { length: 0, level: 8, type: 12, value: 16, used: 18, bytes: 24 } as const;

/** struct epoll_event, packed on x86-64. */
export const EPOLL_EVENT = { events: 0, data: 4, bytes: 12 } as const;
