/**
 * Which processes have a UDP port of this machine, as far as Linux tells; on other systems, nothing is known.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A UDP socket over IPv4 that another process has bound. */
export interface ForeignSocket {
  /** `0.0.0.0` for every address. */
  readonly address: string;
  readonly inode: string;
}

/** Sockets of other processes at a port. */
export function foreignSockets(port: number): readonly ForeignSocket[] {
  const found = udpSockets().filter((socket) => socket.port === port);
  if (found.length === 0) return [];
  const own = inodesOf('self');
  return found.filter(({ inode }) => !own.has(inode));
}

/** `dnsmasq (process 812)`; `undefined` if no other process has the port, or this one may not see which. */
export function portHolder(port: number): string | undefined {
  const inodes = new Set(foreignSockets(port).map(({ inode }) => inode));
  if (inodes.size === 0) return undefined;
  for (const pid of listed('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const inode of inodesOf(pid)) if (inodes.has(inode)) return `${textOf(`/proc/${pid}/comm`).trim()} (process ${pid})`;
  }
  return undefined;
}

/** The columns of /proc/net/udp are described in proc(5); addresses are in the byte order of the machine. */
function udpSockets(): readonly (ForeignSocket & { readonly port: number })[] {
  return textOf('/proc/self/net/udp')
    .split('\n')
    .flatMap((line) => {
      const columns = line.trim().split(/\s+/);
      const [, hex = '', port = ''] = /^([\dA-F]{8}):([\dA-F]{4})$/.exec(columns[1] ?? '') ?? [];
      const inode = columns[9];
      if (hex === '' || inode === undefined) return [];
      const address = [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join('.');
      return [{ address, port: Number.parseInt(port, 16), inode }];
    });
}

function inodesOf(process: string): ReadonlySet<string> {
  const folder = `/proc/${process}/fd`;
  const inodes = listed(folder).map((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${fd}`))?.[1] ?? '');
  return new Set(inodes);
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A descriptor may have been closed since it was listed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
