#!/usr/bin/env node
/**
 * The command line. Only here and in `cli/` are process, arguments, exit codes and the terminal known.
 */
import { boundRegExps, keepCompiledCode } from './cli/runtime.ts';

keepCompiledCode();
boundRegExps();
const { main } = await import('./cli/main.ts');
await main();
