/**
 * Removes uploads that a crash interrupted, so that they do not fill the disk.
 */
import type { Log } from '../base/log.ts';
import type { Generation } from '../service/generation.ts';

/** Removes temporary files of earlier runs from the upload folder, and logs it. Never rejects. */
export async function sweepUploads({ uploads, config }: Generation, log: Log): Promise<void> {
  try {
    const removed = (await uploads?.sweep()) ?? [];
    if (removed.length === 0) return;
    const bytes = removed.reduce((sum, leftover) => sum + leftover.bytes, 0);
    log.info({ dir: config.uploads?.dir, files: removed.length, bytes }, 'unfinished uploads of an earlier run removed');
  } catch {
    // A folder that cannot be read is reported at the first upload and by `check`.
  }
}
