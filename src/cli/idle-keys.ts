/**
 * Keys of a config that have no effect because of another key.
 */

import { SEGMENT_BYTES } from '../base/segment.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Finding } from '../plugin/types.ts';

/** Levels that omit the lines of transfers. */
const QUIET_LEVELS: readonly string[] = ['warn', 'error', 'fatal', 'silent'];

export function idleKeyFindings(config: ResolvedConfig): readonly Finding[] {
  const { log, plugins, cacheBytes } = config;
  const { singlePort, transferPorts, transport, dscp, limits } = config.tftp;
  const findings: Finding[] = [];
  const tell = (path: Finding['path'], message: string) => findings.push({ severity: 'warning', path, message });
  if (singlePort && transferPorts) {
    tell(
      ['tftp', 'transferPorts'],
      'has no effect: with singlePort, transfers go through the listening port; remove one of the two',
    );
  }
  if (dscp !== undefined && transport === 'portable') {
    tell(['tftp', 'dscp'], 'has no effect: the portable transport cannot mark packets; set transport to "auto"');
  }
  if (limits.transfersPerClient > limits.transfers) {
    tell(
      ['tftp', 'limits', 'transfersPerClient'],
      `is never reached: tftp.limits.transfers is ${limits.transfers} for all clients together, so one client may use all of it; lower this limit`,
    );
  }
  if (cacheBytes > 0 && cacheBytes < SEGMENT_BYTES) {
    tell(['cacheBytes'], `caches nothing: files are cached in segments of ${SEGMENT_BYTES} bytes; raise it, or set it to 0`);
  }
  const logger = plugins.findIndex(({ plugin }) => plugin.definition.logsEnds);
  if (logger >= 0 && QUIET_LEVELS.includes(log.level)) {
    tell(
      ['plugins', logger],
      `writes lines of level info, which log.level "${log.level}" suppresses: remove it, or set log.level to "info"`,
    );
  }
  return findings;
}
