/** Finds the spelling of a name on disk without regard to case. */
import { join } from 'node:path';
import { accessViolation, isMissing, readFault } from './fault.ts';
import type { FileSystem } from './filesystem.ts';

/**
 * The name as spelt under `base`, or `undefined`. In each component the exact spelling wins, then the first match in code unit
 * order, so that the result does not depend on the order of a directory. Directories whose real path is not allowed are not
 * listed.
 */
export async function spelling(
  fileSystem: FileSystem,
  base: string,
  name: string,
  allows: (realPath: string) => boolean,
): Promise<string | undefined> {
  try {
    const spelt: string[] = [];
    for (const component of name.split('/')) {
      const directory = await fileSystem.realPath(join(base, ...spelt));
      if (directory !== base && !allows(directory)) throw accessViolation('it leads out of the root');
      const names = await fileSystem.list(directory);
      const match = names.includes(component) ? component : firstMatch(names, component);
      if (match === undefined) return undefined;
      spelt.push(match);
    }
    return spelt.join('/');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw readFault(error);
  }
}

function firstMatch(names: readonly string[], component: string): string | undefined {
  const folded = component.toLowerCase();
  return names.filter((name) => name.toLowerCase() === folded).sort()[0];
}
