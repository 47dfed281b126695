/**
 * A program without its types.
 */
import { stripTypeScriptTypes } from 'node:module';

/** Everything else stays in its place. Node warns that the function is experimental, which is of no use to the config's author. */
export function stripTypes(source: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
