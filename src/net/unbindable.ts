/**
 * Explains why a new address of the machine cannot be listened on, and what to do about it. For failures at start, see
 * `net/listen-error.ts`.
 */

/** An address that could not be bound, and Node's system error. */
export interface Unbindable {
  readonly address: string;
  readonly error: unknown;
}

/** Node's code of a system error. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
}

/** A message for the operator about addresses that failed with the same `code`. */
export function unbindableProblem(code: string, addresses: readonly string[], port: number): string {
  const where = `${addresses.join(', ')} port ${port}`;
  switch (code) {
    case 'EACCES':
      return `not permitted to listen on ${where}, because the server is no longer root. Three solutions: restart it; start it as its user, with the capability (setcap cap_net_bind_service=+ep on its Node); let systemd bind the port (ListenDatagram=${port} in a .socket unit)`;
    case 'EADDRINUSE':
      return `${where} is in use, perhaps by another server; "ss -ulpn sport = :${port}" shows which process has it, and the server will try again`;
    case 'EMFILE':
    case 'ENFILE':
      return `no descriptors are left to listen on ${where}: the rest are reserved for files. Raise the limit (ulimit -n, LimitNOFILE=), or list fewer addresses in "tftp.listen"`;
  }
  return `cannot listen on ${where} (${code}). The server will try again`;
}
