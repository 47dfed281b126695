/**
 * How the program ends.
 */

export const EXIT = {
  ok: 0,
  /** The command failed: a transfer, a check. */
  failed: 1,
  /** Wrong arguments, or a config that cannot be used. */
  usage: 2,
  /** An address cannot be listened on. */
  listen: 3,
  help: `Exit codes: 0 success; 1 failure; 2 invalid arguments or config; 3 cannot listen on an address;
137 (SIGKILL) serve was killed because something did not stop: standard error or the log says what.`,
} as const;

/** An error that ends the program, with a message for a person and an exit code for a script. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Code that a plugin left running must not keep the process alive. Without such code, the process ends before this. */
export function endSoon(): void {
  setTimeout(() => process.exit(), EXIT_MS).unref();
}

/** For the last lines of output. */
const EXIT_MS = 500;
