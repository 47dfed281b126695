/** The names of uploads that are not complete yet. They may lie under a served folder, and must not be served from there. */
import { randomUUID } from 'node:crypto';

const PREFIX = '.pxe-upload-';

export function temporaryName(): string {
  return PREFIX + randomUUID();
}

/** Whether any component is such a name, in whatever case: the file system may not tell cases apart. */
export function isTemporaryName(name: string): boolean {
  return name.split('/').some((component) => component.toLowerCase().startsWith(PREFIX));
}
