/**
 * The folder that the user stands in, where npm has changed it.
 */
import { dirname } from 'node:path';
import { packageFile } from './package-file.ts';

/**
 * npm runs a script of this package in the package's folder (`npm --prefix CLONE run pxe -- check`). The config that is meant is the
 * caller's, not one that happens to be here.
 */
export function returnToCaller(): void {
  const { INIT_CWD: folder, npm_package_json: file } = process.env;
  // A program that the script starts inherits the variables, and may stand elsewhere.
  const isScript = file === packageFile && process.cwd() === dirname(packageFile);
  if (folder !== undefined && isScript) process.chdir(folder);
}
