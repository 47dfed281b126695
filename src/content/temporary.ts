/** The names of incomplete uploads. They may be in a served folder, but must not be served. */
import { randomUUID } from 'node:crypto';

const PREFIX = '.pxe-upload-';

/** @param owner {@link Owners.self} */
export function temporaryName(owner: string): string {
  return `${PREFIX}${owner}.${randomUUID()}`;
}

/** Whether any component is such a name, in any case, because the file system may ignore case. */
export function isTemporaryName(name: string): boolean {
  return name.split('/').some((component) => component.toLowerCase().startsWith(PREFIX));
}

/** The process that the file belongs to, if the name contains it. */
export function ownerIn(name: string): string | undefined {
  const dot = name.indexOf('.', PREFIX.length);
  return dot < 0 ? undefined : name.slice(PREFIX.length, dot);
}
