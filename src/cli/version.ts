/** The version in package.json, which lies one folder up in the sources and in the package that is built from them. */
import { readFileSync } from 'node:fs';

export const version = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
  .version;
