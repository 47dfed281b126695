/**
 * Whether systemd's journal reads a descriptor's output.
 */
import { fstatSync } from 'node:fs';

/**
 * systemd.exec(5): `$JOURNAL_STREAM` contains device and inode of the stream. A child inherits it even if its output is
 * redirected.
 * @param stream the value of `$JOURNAL_STREAM`
 */
export function isJournal(fd: number, stream: string | undefined): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    // The descriptor does not exist.
    return false;
  }
}
