/**
 * Which ports and how many descriptors the operating system lets this process use. Never cached: rights change when the process
 * switches users.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

export interface Rights {
  /** Whether a socket can be bound to this port. `false` if unknown. */
  mayBind(port: number): boolean;
  /** Descriptors available to sockets in total. */
  readonly sockets: number;
}

/** No restrictions, for simulated sockets. */
export const ALL_RIGHTS: Rights = { mayBind: () => true, sockets: Number.POSITIVE_INFINITY };

/** Share of the descriptors free at start that is reserved for files, connections and plugins. */
const FILES_SHARE = 1 / 4;
/** capabilities(7). */
const CAP_NET_BIND_SERVICE = 10n;

/** The rights of this process. */
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

/** Maximum open descriptors of this process, if the system tells. Node raises its soft limit to the hard limit at start. */
export function descriptorLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** About twenty for Node itself, and five for each thread. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
