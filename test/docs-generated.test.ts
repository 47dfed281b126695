/**
 * What is generated from the schema of the config is up to date, and the JSON Schema takes what the loader takes.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { generatedFiles } from '../scripts/lib/generated-docs.ts';
import { systemClock } from '../src/base/clock.ts';
import { folderOf } from './config/support.ts';
import { load } from './kit/config.ts';

const repository = new URL('../', import.meta.url);

describe('written by npm run docs', () => {
  test.each([...generatedFiles()])('%s is up to date', (file, text) => {
    expect(readFileSync(new URL(file, repository), 'utf8')).toBe(text);
  });
});

describe('docs/pxe.schema.json', () => {
  const schema = z.fromJSONSchema(JSON.parse(generatedFiles().get('docs/pxe.schema.json')!));

  test.each([
    [
      'a config with every kind of key',
      { $schema: './pxe.schema.json', rootDir: '.', tftp: { dscp: 'ef', limits: { retries: 3 } } },
      true,
    ],
    ['a plugin', { plugins: [{ use: 'accessLog', options: { boots: false } }] }, true],
    ['an unknown key', { tftp: { retires: 3 } }, false],
    ['a key at its old place', { listen: [] }, false],
    ['a number out of range', { tftp: { limits: { blockSize: 7 } } }, false],
    ['a plugin without a name', { plugins: [{ options: {} }] }, false],
  ])('%s', async (_, config, valid) => {
    expect(schema.safeParse(config).success).toBe(valid);
    const folder = folderOf({ 'pxe.config.json': JSON.stringify(config) });
    const loaded = load({ folder, clock: systemClock }).then(
      () => true,
      () => false,
    );
    expect(await loaded).toBe(valid);
  });
});
