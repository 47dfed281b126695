/** For `pxe check`: checks that the cache folder is writable and that the origin answers. It changes nothing. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Finding } from 'pxe';
import { Location } from './location.ts';
import type { OriginSettings } from './options.ts';
import { dismiss, Origin } from './origin.ts';

const LIMIT_MS = 3000;

export async function findingsOf(settings: OriginSettings, cacheDir: string, headers: Readonly<Record<string, string>>) {
  const findings = await Promise.all([cacheFinding(cacheDir), originFinding(settings, headers)]);
  const clear = settings.url.startsWith('http:') && settings.authorization !== undefined;
  const warning = finding('warning', 'url', 'sends the credentials of authorization unencrypted; use https');
  return [...findings, clear ? warning : undefined].filter((found) => found !== undefined);
}

async function cacheFinding(cacheDir: string): Promise<Finding | undefined> {
  const { W_OK, X_OK } = constants;
  // The folder is created on first use.
  for (let folder = cacheDir; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (!found && folder !== dirname(folder)) continue;
    if (!found?.isDirectory()) return finding('error', 'cacheDir', `${folder} is not a folder`);
    const allowed = await access(folder, W_OK | X_OK).then(
      () => true,
      () => false,
    );
    return allowed ? undefined : finding('error', 'cacheDir', `permission denied: cannot write into ${folder}`);
  }
}

async function originFinding(settings: OriginSettings, headers: Readonly<Record<string, string>>): Promise<Finding | undefined> {
  const location = new Location(settings.url, settings.redirectHosts);
  const timeoutMs = Math.min(settings.timeoutMs, LIMIT_MS);
  const origin = new Origin({ location, headers, timeoutMs, idleMs: timeoutMs, connections: 1 });
  try {
    const reply = await origin.ask(location.base, {}, 'HEAD');
    dismiss(reply);
    if (reply.status === 401) return finding('warning', 'authorization', 'the origin rejected the credentials (answered 401)');
    if (reply.status >= 500) return finding('warning', 'url', `the origin answered ${reply.status}`);
    // Many servers do not list their files, so 403 and 404 are not errors here.
    return undefined;
  } catch (error) {
    return finding('warning', 'url', `the origin ${(error as Error).message}`);
  } finally {
    origin.close();
  }
}

function finding(severity: Finding['severity'], key: string, message: string): Finding {
  return { severity, path: [key], message };
}
