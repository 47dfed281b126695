/**
 * Why an address cannot be listened on, and what to do about it.
 */
import { EXIT, ExitError } from './exit.ts';

interface SystemError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
}

/** Makes a message for a person of Node's system error; any other error is returned as it is. */
export function explainListenError(error: unknown): unknown {
  const { code, address = 'the address', port, message } = error as SystemError;
  const where = port === undefined ? address : `${address} port ${port}`;
  switch (code) {
    case 'EACCES':
      return fail(`no right to listen on ${where}: ports below 1024 are root's. Three ways out:
  run as root and let the server become another user:  user: 'nobody' in the config
  give this Node the right:  sudo setcap cap_net_bind_service=+ep ${process.execPath}
  let systemd bind the port (ListenDatagram=${port ?? 69} in a .socket unit), or listen above 1024 with --port and redirect`);
    case 'EADDRINUSE':
      return fail(`${where} is taken, perhaps by another TFTP server; "ss -ulpn sport = :${port ?? 69}" tells by whom`);
    case 'EADDRNOTAVAIL':
      return fail(`${address} is no address of this machine; "ip address" lists them`);
    case 'ENODEV':
      return fail(message);
    case 'ENOTSOCK':
    case 'ERR_INVALID_FD_TYPE':
      return fail('a descriptor that was handed over (LISTEN_FDS) is no UDP socket');
  }
  return error;

  function fail(text: string): ExitError {
    return new ExitError(EXIT.listen, text, { cause: error });
  }
}
