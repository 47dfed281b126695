/**
 * The user's working directory, which npm may have changed.
 */
import { dirname } from 'node:path';
import { packageFile } from './package-file.ts';

/**
 * npm runs a script of this package in the package's folder (`npm --prefix CLONE run pxe -- check`). The intended config is the
 * one in the caller's folder, not in the package's.
 */
export function returnToCaller(): void {
  const { INIT_CWD: folder, npm_package_json: file } = process.env;
  // A program started by the script inherits the variables, and may have another working directory.
  const isScript = file === packageFile && process.cwd() === dirname(packageFile);
  if (folder !== undefined && isScript) process.chdir(folder);
}
