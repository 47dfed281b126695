/** The units of docs/operations.md, as systemd itself reads them. */
import { expect, test } from 'vitest';
import { page } from '../kit/docs.ts';
import { folder } from '../kit/lab.ts';
import { run } from '../kit/pxe.ts';
import { describeWith, requireTools } from '../kit/tools.ts';

describeWith('the units of docs/operations.md', requireTools('systemd-analyze'), () => {
  test('have nothing that systemd complains about', async () => {
    const at = folder();
    const files = Array.from(
      page('docs/operations.md').matchAll(/```ini\n# \/etc\/systemd\/system\/(\S+)\n([\s\S]*?)```/g),
      ([, name, text]) =>
        // The program must exist to be found good.
        at.put(name!, text!.replace('/opt/pxe/node_modules/.bin/pxe', '/bin/true')),
    );
    expect(files.map((file) => file.replace(/.*\//, ''))).toEqual(['pxe.socket', 'pxe.service']);
    const { code, stdout, stderr } = await run(['systemd-analyze', 'verify', ...files]);
    expect({ code, said: stdout + stderr }).toEqual({ code: 0, said: '' });
  });
});
