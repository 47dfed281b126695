/**
 * Logs, after a reload, what `pxe check` would find in the config in force. The slow check of all files under the root is left to
 * the command.
 */
import { formatPath } from '../base/issue.ts';
import type { Log } from '../base/log.ts';
import { pathInFile } from '../config/resolve.ts';
import type { Server } from '../server/server.ts';
import { configFindings } from './findings.ts';

/** One mistake in a program that makes a list of hosts may be ten thousand findings. */
const MAX_LINES = 10;

/** Never rejects. */
export async function reviewReload(server: Pick<Server, 'config' | 'check'>, log: Log, configFile?: string): Promise<void> {
  const { config } = server;
  try {
    const findings = [...(await configFindings(config)), ...(await server.check())];
    // The file was saved again in the meantime, which causes another review.
    if (server.config !== config) return;
    for (const { severity, file, line, path, message } of findings.slice(0, MAX_LINES))
      log.warn({ severity, file, line, path: formatPath(pathInFile(configFile, path)), finding: message }, 'check');
    if (findings.length > MAX_LINES)
      log.warn({ severity: 'warning', finding: `and ${findings.length - MAX_LINES} more; "pxe check" lists all` }, 'check');
  } catch (error) {
    log.warn({ err: error }, 'the new config could not be checked');
  }
}
