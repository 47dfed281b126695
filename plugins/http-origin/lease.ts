/**
 * Shares one mirror among all generations of a config with the same description, so that a reload neither aborts nor restarts a
 * download. The mirror is closed with its last lease.
 */
import type { Mirror } from './mirror.ts';

interface Shared {
  readonly mirror: Mirror;
  leases: number;
}

const mirrors = new Map<string, Shared>();

export interface MirrorLease {
  readonly mirror: Mirror;
  /** If this was the last lease, resolves when the mirror is idle. */
  release(): Promise<void>;
}

/** @param description everything in which mirrors may differ */
export function leaseMirror(description: string, make: () => Mirror): MirrorLease {
  const shared = mirrors.get(description) ?? { mirror: make(), leases: 0 };
  mirrors.set(description, shared);
  shared.leases++;
  return {
    mirror: shared.mirror,
    async release() {
      if (--shared.leases > 0) return;
      mirrors.delete(description);
      await shared.mirror.close();
    },
  };
}
