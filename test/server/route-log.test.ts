import { expect, test } from 'vitest';
import { letterConfig } from '../kit/letter-config.ts';
import { reloadingLab } from '../kit/reloading.ts';

test('with log.level debug each hook’s answer is in the log, and else nothing is noted', async () => {
  for (const level of ['debug', 'info']) {
    const at = await reloadingLab({ config: letterConfig('A', { keys: `log: { level: '${level}' },` }), watch: false });
    expect(await at.text('who')).toBe('A');
    await at.text('absent');
    const routes = at.log.filter(({ msg }) => msg === 'route');
    if (level === 'info') expect(routes).toEqual([]);
    else
      expect(routes).toMatchObject([
        { asked: 'who', trace: [{ plugin: 'letter', hook: 'open', after: 'plugin:letter (1 bytes)' }] },
        {
          asked: 'absent',
          trace: [
            { plugin: 'letter', hook: 'open' },
            { hook: 'open', error: 'error 1: file not found' },
          ],
        },
      ]);
  }
});
