/** A map file while the server runs: a save takes effect, a mistake costs a log line that says where it is. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderOf } from '../config/support.ts';
import { freePort, serve } from '../kit/serve.ts';
import { get } from '../kit/tftp.ts';

const config = `import { tftpdMap } from 'pxe/plugins';
export default { rootDir: './root', stableMs: 0, plugins: [tftpdMap('./tftpd.map')] };
`;

test('a saved map is in force; one with a mistake leaves the old one there, and is told with file and line', async () => {
  const folder = folderOf({ 'pxe.config.ts': config, 'tftpd.map': 'r ^a$ b\n', 'root/b': 'b', 'root/c': 'c' });
  const port = await freePort();
  const flags = ['--config', join(folder, 'pxe.config.ts'), '--interface', '127.0.0.1', '--port', String(port)];
  await using server = await serve({ flags });
  const got = async () => (await get({ address: '127.0.0.1', port }, 'a')).bytes.toString();
  const failures = () => server.log.filter(({ msg }) => msg.startsWith('reload failed')).length;
  expect(await got()).toBe('b');
  writeFileSync(join(folder, 'tftpd.map'), '# now c\nr ^a$ c\nq x\n');
  const { msg } = await server.logged(({ msg }) => msg.startsWith('reload failed'), 15_000);
  expect(msg).toContain('/tftpd.map:3: unknown operator q (in q)');
  expect([await got(), failures()]).toEqual(['b', 1]);
  writeFileSync(join(folder, 'tftpd.map'), '# now c\nr ^a$ c\n');
  await server.logged(({ msg }) => msg === 'reload done', 15_000);
  expect(await got()).toBe('c');
});
