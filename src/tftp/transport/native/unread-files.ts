/**
 * Requests whose answer waits for the first segment of their file: no reply can be sent before.
 */
import type { TransferLimits } from '../../protocol/transfer.ts';

/** The file that a request is to be answered with. */
export interface UnreadFile {
  /** The request's number. */
  readonly id: number;
  /** Bytes. */
  readonly size: number;
  readonly limits: TransferLimits;
  /** It is given up then. */
  readonly dueAt: number;
}

export class UnreadFiles {
  /** Oldest first. */
  readonly #byId = new Map<number, UnreadFile>();

  get size(): number {
    return this.#byId.size;
  }

  add(id: number, size: number, limits: TransferLimits, now: number): void {
    this.#byId.set(id, { id, size, limits, dueAt: now + limits.idleMs });
  }

  /** Its first segment is here, or the request has ended. */
  take(id: number): UnreadFile | undefined {
    const file = this.#byId.get(id);
    if (file !== undefined) this.#byId.delete(id);
    return file;
  }

  /** Takes those that have waited for too long. */
  takeOverdue(now: number): readonly UnreadFile[] {
    const overdue: UnreadFile[] = [];
    for (const file of this.#byId.values()) {
      if (now < file.dueAt) break;
      overdue.push(file);
    }
    for (const { id } of overdue) this.#byId.delete(id);
    return overdue;
  }
}
