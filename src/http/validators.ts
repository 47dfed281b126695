/**
 * What tells one version of a content from another: its ETag, and when it was last modified.
 */
import { createHash } from 'node:crypto';
import type { Content } from '../content/content.ts';
import type { FileStat } from '../content/filesystem.ts';
import { versionKey } from '../content/version.ts';
import type { Representation } from './protocol/answer.ts';

/** A file's version, or the one that a plugin's content carries as a text. */
export function validatorsOf(content: Content): Pick<Representation, 'version' | 'modifiedMs'> {
  const { version } = content as Content & { readonly version?: string | FileStat };
  if (version === undefined) return {};
  const key = typeof version === 'string' ? version : versionKey(version);
  const nanoseconds = FILE_VERSION.exec(key)?.[1];
  const modifiedMs = nanoseconds === undefined ? undefined : Number(nanoseconds.slice(0, -6));
  return { version: nanoseconds === undefined ? digest(key) : key.replaceAll(':', '-'), modifiedMs };
}

/** Of `versionKey`: device, inode, size, mtime, ctime. */
const FILE_VERSION = /^\d+:\d+:\d+:(\d{7,}):\d+$/;

/** A plugin's text may hold what an ETag cannot (RFC 9110 §8.8.3). */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
