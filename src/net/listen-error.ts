/**
 * Explains why an address cannot be listened on and what to do about it, both at start and at reload.
 */
interface SystemError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  /** Which process has the port, if that is known. */
  readonly holder?: string | undefined;
  /** What to do about it, if a service knows more than how to find out. */
  readonly remedy?: string | undefined;
}

/** Node's path for a shell command, where the real one is unknown. */
const NODE = '"$(readlink -f "$(command -v node)")"';

/**
 * A message for the operator, from Node's system error; `undefined` for any other error.
 * @param node the path of the Node that runs this
 */
export function listenProblem(error: unknown, node = NODE): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, address = 'the address', port, message, holder, remedy } = error as SystemError;
  const where = port === undefined ? address : `${address} port ${port}`;
  switch (code) {
    case 'EACCES':
      return `not permitted to listen on ${where}: only root may use ports below 1024. Three solutions:
  run as root and let the server switch to another user:  user: 'nobody' in the config
  give this Node the capability:  sudo setcap cap_net_bind_service=+ep ${node}
  ${remedy ?? `let systemd bind the port (ListenDatagram=${port ?? 69} in a .socket unit), or listen above 1024 with --port and redirect`}`;
    case 'EADDRINUSE':
      return `${where} is in use${holder === undefined ? ', perhaps by another server' : ` by ${holder}`}; ${remedy ?? `"ss -ulpn sport = :${port ?? 69}" shows which process has it`}`;
    case 'EADDRNOTAVAIL':
      return `${address} is not an address of this machine; "ip address" lists them`;
    case 'EMFILE':
    case 'ENFILE':
      return `no descriptors are left to listen on ${where}: raise the limit (ulimit -n, LimitNOFILE=), or list fewer addresses in "tftp.listen"`;
    case 'EPERM':
      return remedy;
    case 'ENODEV':
      return message;
    case 'ENOTSOCK':
    case 'ERR_INVALID_FD_TYPE':
      return 'a descriptor passed in LISTEN_FDS is not a UDP socket';
  }
  return undefined;
}
