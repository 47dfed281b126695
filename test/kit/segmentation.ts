import { C, setOption } from '../../src/net/native/libc.ts';

const SO_NO_CHECK = 11;

/** The kernel cuts no messages up (UDP_SEGMENT) for a socket without checksums, as for a device that cannot: EINVAL. */
export function refuseSegmentation(fd: number): void {
  setOption(fd, C.SOL_SOCKET, SO_NO_CHECK, 1);
}
