import { expect, test } from 'vitest';
import { reviewReload } from '../../src/cli/review.ts';
import type { Finding } from '../../src/plugin/types.ts';
import { resolveConfig } from '../kit/config.ts';
import { folder } from '../kit/lab.ts';
import { recordingLog } from '../plugin/support.ts';

const config = () => resolveConfig({ rootDir: 'ROOT' }, { dir: folder().path });
const finding = (n: number): Finding => ({
  severity: 'warning',
  path: ['plugins', 0],
  message: `no ${n}`,
  file: '/lab/rack.csv',
  line: n,
});

test('what the new config has wrong is told, ten lines at most', async () => {
  const log = recordingLog();
  await reviewReload({ config: config(), check: async () => Array.from({ length: 25 }, (_, n) => finding(n + 1)) }, log);
  expect(log.lines[0]).toEqual({
    level: 'warn',
    message: 'check',
    fields: { severity: 'warning', file: '/lab/rack.csv', line: 1, path: 'plugins[0]', finding: 'no 1' },
  });
  expect(log.lines).toHaveLength(11);
  expect(log.lines[10]?.fields.finding).toBe('and 15 more; "pxe check" lists all');
});

test('what the config itself names is looked at, too', async () => {
  const log = recordingLog();
  await reviewReload({ config: resolveConfig({ rootDir: 'gone' }, { dir: folder().path }), check: async () => [] }, log);
  expect(log.lines).toMatchObject([{ fields: { severity: 'error', path: 'rootDir' } }]);
});

test('a review that another save has overtaken says nothing; one that fails says so', async () => {
  const log = recordingLog();
  const server = { config: config(), check: async () => [finding(1)] };
  const reviewing = reviewReload(server, log);
  server.config = config();
  await reviewing;
  expect(log.lines).toEqual([]);
  await reviewReload({ config: config(), check: () => Promise.reject(new Error('half-way')) }, log);
  expect(log.lines).toMatchObject([{ level: 'warn', message: 'the new config could not be checked' }]);
});
