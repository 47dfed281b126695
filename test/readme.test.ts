/**
 * README says what is true: every key of the config with its default, every command, every npm script that it names.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../src/config/schema.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { scripts: object };

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly default?: unknown;
}

/** `limits.idleMs` and the like, with the default where it is a plain value. */
function keysOf(schema: Schema, path: readonly string[] = []): { readonly key: string; readonly value: unknown }[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
    const inner = keysOf(part, [...path, name]);
    return inner.length > 0 && name !== 'transferPorts' ? inner : [{ key: [...path, name].join('.'), value: part.default }];
  });
}

const keys = keysOf(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Schema);

test('the schema is read', () => {
  expect(keys.map(({ key }) => key)).toContain('limits.idleMs');
  expect(keys.length).toBeGreaterThan(30);
});

test.each(keys)('$key stands in the table, with its default', ({ key, value }) => {
  const row = readme.split('\n').find((line) => line.startsWith(`| \`${key}\` |`));
  expect(row, `no row for ${key}`).toBeDefined();
  const plain = ['number', 'boolean', 'string'].includes(typeof value);
  if (plain) expect(row?.split('|')[2]?.trim()).toBe(`\`${typeof value === 'string' ? `'${value}'` : value}\``);
});

test('every npm script that is named exists', () => {
  const named = [...readme.matchAll(/npm run (?:-s )?([a-z:]+)/g)].map((match) => match[1]!);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
