/**
 * Strips the types from a program.
 */
import { stripTypeScriptTypes } from 'node:module';

/**
 * All other text keeps its position. Node's warning that the function is experimental is suppressed, because it is of no use to
 * the config's author.
 */
export function stripTypes(source: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
