/** The version in package.json. */
import { readFileSync } from 'node:fs';
import { packageFile } from './package-file.ts';

export const version = (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
