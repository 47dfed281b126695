/**
 * Privileges from the operating system: sockets of a service manager, and the rights of root.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { EXIT, ExitError } from './exit.ts';

/** The first descriptor that a service manager passes (sd_listen_fds(3)). */
const FIRST_SOCKET = 3;

/** Sockets that systemd has bound for this process, if any. */
export function inheritedSockets(): readonly number[] | undefined {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = process.env;
  if (count === undefined || Number(pid) !== process.pid) return undefined;
  // Children must not inherit it.
  delete process.env.LISTEN_PID;
  delete process.env.LISTEN_FDS;
  delete process.env.LISTEN_FDNAMES;
  // None were passed, so the config decides.
  if (!/^[1-9]\d{0,3}$/.test(count)) return undefined;
  return Array.from({ length: Number(count) }, (_, i) => FIRST_SOCKET + i);
}

/**
 * Becomes the config's user for the rest of the process, if run by root and the user exists, because root can read files that the
 * server cannot.
 */
export function seeAs(account: string | undefined): void {
  if (account !== undefined && process.getuid?.() === 0 && whyNoAccount(account) === undefined) dropPrivileges(account);
}

/** Becomes `user` or `user:group` permanently. */
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

/** On systems without getent(1), an unknown group is reported when it is set. */
function hasGroup(group: string): boolean {
  const { status, error } = spawnSync('getent', ['group', '--', group], { stdio: 'ignore' });
  return error !== undefined || status === 0;
}

/** A user's groups, the primary one first, from the system's tool, which also knows directories such as LDAP. */
function groupsOf(user: string): number[] {
  try {
    const ids = (flag: string) =>
      execFileSync('id', [flag, '--', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...new Set(`${ids('-g')} ${ids('-G')}`.trim().split(/\s+/).map(Number))];
  } catch (error) {
    throw new ExitError(EXIT.usage, `there is no user "${user}" (config key user)`, { cause: error });
  }
}
