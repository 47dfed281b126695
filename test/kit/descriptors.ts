/** What this process has open. Linux. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Sockets, files and what is waited for, by what they are. */
export function descriptors(): string[] {
  const targets = all().map(({ target }) => target.replace(/\[?\d+\]?$/, ''));
  return targets.filter((target) => /socket|eventpoll|eventfd|file/.test(target)).sort();
}

/** Those whose target begins so: `socket:`, `anon_inode:[eventpoll]`. */
export function descriptorsOf(kind: string): number[] {
  return all().flatMap(({ fd, target }) => (target.startsWith(kind) ? [fd] : []));
}

/** Whether an epoll descriptor waits for another one, too. */
export function watches(epoll: number, fd: number): boolean {
  return new RegExp(`^tfd: +${fd} `, 'm').test(readFileSync(`/proc/self/fdinfo/${epoll}`, 'utf8'));
}

/** From now on the descriptor is one of /dev/null, whatever its users know of it. */
export function replaceByNull(fd: number): void {
  const koffi = createRequire(import.meta.url)('koffi');
  const dup2 = koffi.load('libc.so.6').func('int dup2(int, int)');
  const nothing = openSync('/dev/null', 'r');
  dup2(nothing, fd);
  closeSync(nothing);
}

function all(): { readonly fd: number; readonly target: string }[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [{ fd: Number(fd), target: readlinkSync(`/proc/self/fd/${fd}`) }];
    } catch {
      // It is gone already: that of this very list.
      return [];
    }
  });
}
