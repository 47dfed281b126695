/**
 * One mirror for all generations of a config that describe it alike: a reload breaks no download off and begins none again. Closed
 * with its last lease.
 */
import type { Mirror } from './mirror.ts';

interface Shared {
  readonly mirror: Mirror;
  leases: number;
}

const mirrors = new Map<string, Shared>();

export interface MirrorLease {
  readonly mirror: Mirror;
  /** Resolves when nothing of the mirror is under way any more, if this was the last lease. */
  release(): Promise<void>;
}

/** @param description all that makes one mirror differ from another */
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
