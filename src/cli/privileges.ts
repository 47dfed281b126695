/**
 * What only the operating system can give or take: sockets of a service manager, and the right to be root.
 */
import { execFileSync } from 'node:child_process';
import { EXIT, ExitError } from './exit.ts';

/** The first descriptor that a service manager hands over (sd_listen_fds(3)). */
const FIRST_SOCKET = 3;

/** Sockets that systemd has bound for this process, if it has. */
export function inheritedSockets(): readonly number[] | undefined {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = process.env;
  if (count === undefined || Number(pid) !== process.pid) return undefined;
  // Not for children.
  delete process.env.LISTEN_PID;
  delete process.env.LISTEN_FDS;
  delete process.env.LISTEN_FDNAMES;
  // None were handed over: the config decides.
  if (!/^[1-9]\d{0,3}$/.test(count)) return undefined;
  return Array.from({ length: Number(count) }, (_, i) => FIRST_SOCKET + i);
}

/** Becomes `user` or `user:group`, for good. */
export function dropPrivileges(account: string): void {
  const [user = '', group] = account.split(':');
  const groups = groupsOf(user);
  try {
    process.setgroups?.(groups);
    process.setgid?.(group ?? groups[0]!);
    process.setuid?.(user);
  } catch (error) {
    throw new ExitError(EXIT.failed, `cannot become user ${account} (config key user): ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** A user's groups, the primary one first. Asked of the system's own tool, which knows directories such as LDAP, too. */
function groupsOf(user: string): number[] {
  try {
    const ids = (flag: string) =>
      execFileSync('id', [flag, '--', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...new Set(`${ids('-g')} ${ids('-G')}`.trim().split(/\s+/).map(Number))];
  } catch (error) {
    throw new ExitError(EXIT.usage, `there is no user "${user}" (config key user)`, { cause: error });
  }
}
