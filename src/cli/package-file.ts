/**
 * The path of this package's package.json: above the sources, or above the built files.
 */
import { findPackageJSON } from 'node:module';

export const packageFile = findPackageJSON(import.meta.url)!;
