/**
 * A start that fails because an address cannot be listened on.
 */
import { listenProblem } from '../net/listen-error.ts';
import { EXIT, ExitError } from './exit.ts';

/** Makes a message for a person of Node's system error; any other error is returned as it is. */
export function explainListenError(error: unknown): unknown {
  const problem = listenProblem(error, process.execPath);
  return problem === undefined ? error : new ExitError(EXIT.listen, problem, { cause: error });
}
