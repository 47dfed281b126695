/**
 * What the operating system lets this process have of ports and descriptors. Rights change as it becomes another user, so each
 * question is asked anew.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

export interface Rights {
  /** Whether a socket can be bound to this port. `false` where it cannot be known. */
  mayBind(port: number): boolean;
  /** Descriptors that sockets may take in all. */
  readonly sockets: number;
}

/** Whatever one likes: for sockets that are simulated. */
export const ALL_RIGHTS: Rights = { mayBind: () => true, sockets: Number.POSITIVE_INFINITY };

/** Of all descriptors that are free at the start, this share is for files, connections and plugins. */
const FILES_SHARE = 1 / 4;
/** capabilities(7). */
const CAP_NET_BIND_SERVICE = 10n;

/** This process's. */
export function processRights(): Rights {
  return { mayBind, sockets: Math.max(0, Math.floor((descriptorLimit() - openDescriptors()) * (1 - FILES_SHARE))) };
}

function mayBind(port: number): boolean {
  if (process.platform !== 'linux') return process.platform === 'win32' || port === 0 || port >= 1024 || userInfo().uid === 0;
  try {
    const firstFree = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
    if (port === 0 || port >= firstFree) return true;
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1];
    return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_NET_BIND_SERVICE) & 1n) === 1n;
  } catch {
    return port === 0 || port >= 1024;
  }
}

/** Descriptors that this process may have open, where the system says so. Node raises the soft limit to the hard one when it starts. */
export function descriptorLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Node itself has some twenty, and each thread five. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
