/** The units of README, as systemd itself reads them. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { folder } from '../support/lab.ts';
import { run } from '../support/pxe.ts';
import { describeWith, requireTools } from '../support/tools.ts';

describeWith('the units of README', requireTools('systemd-analyze'), () => {
  test('have nothing that systemd complains about', async () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const at = folder();
    const files = Array.from(readme.matchAll(/```ini\n# \/etc\/systemd\/system\/(\S+)\n([\s\S]*?)```/g), ([, name, text]) =>
      // The program must exist to be found good.
      at.put(name!, text!.replace('/opt/pxe/node_modules/.bin/pxe', '/bin/true')),
    );
    expect(files.map((file) => file.replace(/.*\//, ''))).toEqual(['pxe.socket', 'pxe.service']);
    const { code, stdout, stderr } = await run(['systemd-analyze', 'verify', ...files]);
    expect({ code, said: stdout + stderr }).toEqual({ code: 0, said: '' });
  });
});
