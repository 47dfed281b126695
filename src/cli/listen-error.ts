/**
 * The error of a start that failed because an address cannot be listened on.
 */
import { listenProblem } from '../net/listen-error.ts';
import { EXIT, ExitError } from './exit.ts';

/** Converts Node's system error to a message for a person; any other error is returned unchanged. */
export function explainListenError(error: unknown): unknown {
  const problem = listenProblem(error, process.execPath);
  return problem === undefined ? error : new ExitError(EXIT.listen, problem, { cause: error });
}
