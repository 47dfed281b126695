/** An initrd (cpio "newc", see the kernel's initramfs documentation) whose Linux prints the sha256 of a file in it, and powers off. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const BUSYBOX = '/bin/busybox';
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox sha256sum /payload >/dev/ttyS0
/bin/busybox poweroff -f
`;

export function initrd(payload: Uint8Array): Buffer {
  const libraries = [...execFileSync('ldd', [BUSYBOX], { encoding: 'utf8' }).matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(
    ([, path]) => path!,
  );
  const programs = [BUSYBOX, ...libraries];
  const folders = new Set(programs.flatMap(parents));
  return Buffer.concat([
    ...Array.from(folders, (name) => entry(name, 0o040755)),
    ...programs.map((path) => entry(path, 0o100755, readFileSync(path))),
    entry('/init', 0o100755, Buffer.from(INIT)),
    entry('/payload', 0o100644, payload),
    entry('/TRAILER!!!', 0),
  ]);
}

/** `/a/b/c` is in `/a` and in `/a/b`. */
function parents(path: string): readonly string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function entry(path: string, mode: number, content: Uint8Array = new Uint8Array()): Buffer {
  const name = Buffer.from(`${path.slice(1)}\0`);
  const inode = 0;
  const links = 1;
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(content)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  const padding = -bytes.length & 3;
  return padding === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(padding)]);
}
