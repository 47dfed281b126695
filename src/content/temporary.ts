/** The names of uploads that are not complete yet. They may lie under a served folder, and must not be served from there. */
import { randomUUID } from 'node:crypto';

const PREFIX = '.pxe-upload-';

/** @param owner {@link Owners.self} */
export function temporaryName(owner: string): string {
  return `${PREFIX}${owner}.${randomUUID()}`;
}

/** Whether any component is such a name, in whatever case: the file system may not tell cases apart. */
export function isTemporaryName(name: string): boolean {
  return name.split('/').some((component) => component.toLowerCase().startsWith(PREFIX));
}

/** The process that the file belongs to, where the name says so. */
export function ownerIn(name: string): string | undefined {
  const dot = name.indexOf('.', PREFIX.length);
  return dot < 0 ? undefined : name.slice(PREFIX.length, dot);
}
