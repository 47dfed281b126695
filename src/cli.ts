/**
 * The command line. Only here and in `cli/` are process, arguments, exit codes and the terminal known.
 */
import { returnToCaller } from './cli/caller.ts';
import { boundRegExps, enlargeThreadPool, keepCompiledCode } from './cli/runtime.ts';

enlargeThreadPool();
keepCompiledCode();
returnToCaller();
boundRegExps();
const { main } = await import('./cli/main.ts');
await main();
