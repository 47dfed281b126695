/**
 * What only the operating system can give or take: sockets of a service manager, and the right to be root.
 */
import { execFileSync, spawnSync } from 'node:child_process';
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

/**
 * Becomes the config's user for the rest of the process, if root runs it and there is such a user: what root can read says nothing of what the
 * server can.
 */
export function seeAs(account: string | undefined): void {
  if (account !== undefined && process.getuid?.() === 0 && whyNoAccount(account) === undefined) dropPrivileges(account);
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

/** Why a process cannot become `user` or `user:group`, whatever its rights; `undefined` if it can. */
export function whyNoAccount(account: string): string | undefined {
  const [user = '', group] = account.split(':');
  try {
    groupsOf(user);
  } catch {
    return `there is no user "${user}" on this machine: name another, or create it (useradd --system ${user})`;
  }
  return group === undefined || hasGroup(group) ? undefined : `there is no group "${group}" on this machine`;
}

/** Systems without getent(1) say so when the group is taken on. */
function hasGroup(group: string): boolean {
  const { status, error } = spawnSync('getent', ['group', '--', group], { stdio: 'ignore' });
  return error !== undefined || status === 0;
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
