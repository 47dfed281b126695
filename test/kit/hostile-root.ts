/** A root with all that a hostile client could hope for beside it, and in it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Folder, folder } from './lab.ts';

export const SECRET = 'this lies outside the root';

/** `ROOT` beside `ROOT-secret`, links of all kinds, a FIFO, a folder. */
export function hostileRoot(): Folder {
  const at = folder();
  at.put('secret', SECRET);
  at.put('ROOT-secret', SECRET);
  at.put('outside/secret', SECRET);
  at.put('ROOT/x', 'inside');
  at.put('ROOT/sub/y', 'inside');
  at.put('ROOT/Case', 'upper');
  at.put('ROOT/case', 'lower');
  at.put('ROOT/100%25', 'percent');
  at.put('ROOT/päx', 'umlaut');
  at.put('ROOT/ ', 'space');
  at.put('ROOT/...', 'dots');
  const link = (to: string, name: string) => symlinkSync(to, join(at.root, name));
  link('../secret', 'link');
  link('link', 'link-to-link');
  link(join(at.path, 'secret'), 'absolute-link');
  link('../outside', 'folder-link');
  link('..', 'parent-link');
  link('../ROOT-secret', 'sibling-link');
  link('loop', 'loop');
  link('nowhere', 'dangling');
  link('x', 'inside-link');
  link('/dev/zero', 'zero');
  link('/proc/self/environ', 'environ');
  mkdirSync(join(at.root, 'empty'));
  execFileSync('mkfifo', [join(at.root, 'fifo')]);
  return at;
}
