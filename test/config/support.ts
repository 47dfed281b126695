/** Config files in a folder of their own, far from this package's node_modules. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ConfigError } from '../../src/config/error.ts';

export function folderOf(files: Record<string, string>): string {
  const dir = mkdtempSync(join(tmpdir(), 'pxe-config-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  write(dir, files);
  return dir;
}

export function write(dir: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
}

export { systemClock } from '../../src/base/clock.ts';

export async function configErrorOf(work: Promise<unknown> | (() => unknown)): Promise<ConfigError> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('did not throw');
}
