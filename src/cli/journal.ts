/**
 * Whether the journal of systemd reads what is written to a descriptor.
 */
import { fstatSync } from 'node:fs';

/**
 * systemd.exec(5): `$JOURNAL_STREAM` holds device and inode of the stream, and a child whose output leads elsewhere inherits it.
 * @param stream the value of `$JOURNAL_STREAM`
 */
export function isJournal(fd: number, stream: string | undefined): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    // There is no such descriptor.
    return false;
  }
}
