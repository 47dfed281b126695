/**
 * Where this package's package.json lies: above the sources, or above what is built from them.
 */
import { findPackageJSON } from 'node:module';

export const packageFile = findPackageJSON(import.meta.url)!;
