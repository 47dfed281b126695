/** A server in a rack that tells machines what to boot, and serves it by TFTP and by HTTP. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Served, serve } from '../kit/serve.ts';
import type { Rack } from './rack.ts';

/** A file's content, or the path of a file to copy. */
export type Files = Readonly<Record<string, Uint8Array | string | { readonly copyOf: string }>>;

/** @param hosts the plugin that says what machines boot, as in a config: `hosts({ … })` */
export async function serveIn(rack: Rack, hosts: string, files: Files): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-firmware-'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, 'root', name);
    await mkdir(dirname(path), { recursive: true });
    if (typeof content === 'object' && 'copyOf' in content) await copyFile(content.copyOf, path);
    else await writeFile(path, content);
  }
  await mkdir(join(folder, 'root'), { recursive: true });
  await writeFile(
    join(folder, 'pxe.config.ts'),
    `import { accessLog, hosts, identify } from 'pxe/plugins';
export default {
  rootDir: './root',
  dhcp: {},
  http: {},
  plugins: [identify({ dhcp: true }), ${hosts}, accessLog()],
};
`,
  );
  const server = await serve({ flags: ['--interface', rack.address], prefix: rack.prefix, cwd: folder });
  return {
    ...server,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
