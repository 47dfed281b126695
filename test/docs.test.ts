/**
 * README and docs/ say what is true: every key of the config with its default, every npm script and file that they name, every link.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import * as plugins from '../plugins/index.ts';
import { makeProgram } from '../src/cli/program.ts';
import { hookNames } from '../src/plugin/hooks.ts';
import { configSchema } from '../src/server/config-schema.ts';
import { COUNTERS, GAUGES, HISTOGRAMS, PLUGIN_COUNTERS, PLUGIN_HISTOGRAMS } from '../src/stats/counters.ts';
import { anchorsIn, linksIn, page, pages } from './kit/docs.ts';

const repository = new URL('../', import.meta.url);
const { scripts, version } = JSON.parse(readFileSync(new URL('package.json', repository), 'utf8')) as {
  scripts: object;
  version: string;
};

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly default?: unknown;
}

/** `tftp.limits.idleMs` and the like, with the default where it is a plain value. */
function keysOf(schema: Schema, path: readonly string[] = []): { readonly key: string; readonly value: unknown }[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
    const inner = keysOf(part, [...path, name]);
    return inner.length > 0 && name !== 'transferPorts' ? inner : [{ key: [...path, name].join('.'), value: part.default }];
  });
}

const keys = keysOf(z.toJSONSchema(configSchema.object, { io: 'input', unrepresentable: 'any' }) as Schema);

test('the schema is read', () => {
  expect(keys.map(({ key }) => key)).toContain('tftp.limits.idleMs');
  expect(keys.length).toBeGreaterThan(30);
});

test.each(keys)('$key stands in the table, with its default', ({ key, value }) => {
  const lines = page('docs/reference.md').split('\n');
  const row = lines.find((line) => line.startsWith(`| \`${key}\` |`));
  expect(row, `no row for ${key}`).toBeDefined();
  const plain = ['number', 'boolean', 'string'].includes(typeof value);
  if (plain) expect(row?.split('|')[2]?.trim()).toBe(`\`${typeof value === 'string' ? `'${value}'` : value}\``);
});

test.each(hookNames)('the hook %s stands in the table', (hook) => {
  expect(page('docs/reference.md')).toMatch(new RegExp(`^\\| [^|]*\`${hook}\\(`, 'm'));
});

const metrics = [COUNTERS, GAUGES, HISTOGRAMS, PLUGIN_COUNTERS, PLUGIN_HISTOGRAMS].flatMap((table) => Object.entries(table));

test.each(metrics)('%s stands in a table of the reference, with its unit and what it says', (name, { unit, help }) => {
  expect(page('docs/reference.md').split('\n')).toContain(`| \`${name}\` | ${unit} | ${help} |`);
});

test('every plugin and every option of the command line has its place in the reference', async () => {
  const { commands } = await makeProgram(['--help']);
  expect(commands.length).toBeGreaterThan(6);
  for (const command of commands) {
    const section = sectionOf(page('docs/reference.md'), command.name());
    const flags = command.options.map(({ long }) => long ?? '');
    expect({ command: command.name(), missing: flags.filter((flag) => !section.includes(`\`${flag}`)) }).toEqual({
      command: command.name(),
      missing: [],
    });
  }
  const helpers = ['grubMenu', 'hexAddress', 'ipxeScript', 'parseMapFile', 'pxelinuxMenu', 'raspberryPiConfig'];
  for (const name of Object.keys(plugins).filter((name) => !helpers.includes(name))) {
    expect(sectionOf(page('docs/reference.md'), name), name).not.toBe('');
  }
});

test('README stays within 200 lines', () => {
  expect(page('README.md').split('\n').length - 1).toBeLessThanOrEqual(200);
});

test('README leads to every page', () => {
  const linked = linksIn(page('README.md')).map((target) => target.replace(/#.*/, ''));
  expect(pages.map(({ path }) => path).filter((path) => path !== 'README.md' && !linked.includes(path))).toEqual([]);
});

test('every npm script that is named exists', () => {
  const named = pages.flatMap(({ text }) => [...text.matchAll(/npm (?:--prefix \S+ )?run (?:-s )?([a-z:]+)/g)]);
  expect(named.length).toBeGreaterThan(5);
  expect(named.map((match) => match[1]!).filter((name) => !(name in scripts))).toEqual([]);
});

test('the tarball has the name that npm pack gives it', () => {
  expect(page('README.md').match(/pxe-[\d.]+\.tgz/g)).toEqual([`pxe-${version}.tgz`, `pxe-${version}.tgz`]);
});

test('every line of the log that is quoted is written by the program', () => {
  const sources = ['src', 'plugins'].flatMap((folder) => sourcesUnder(new URL(`${folder}/`, repository))).join('\n');
  const quoted = pages.flatMap(({ text }) => [...text.matchAll(/`([a-z]+(?: (?:[a-z]+|MAC))+)`/g)].map((match) => match[1]!));
  const lines = quoted.filter((words) => !/^(npm|npx|pxe|systemctl) /.test(words));
  expect(lines.length).toBeGreaterThan(8);
  // `${what} failed` has its two parts in different places.
  const written = (line: string) => sources.includes(line) || sources.includes(`'${line.replace(/ failed$/, '')}'`);
  expect(lines.filter((line) => !written(line))).toEqual([]);
});

test('links are found where they are, and anchors as GitHub makes them', () => {
  const text = '[a](b.md#c) ![d](e.png) `[no](f)` [far](https://example.org)\n```\n[no](g)\n```\n[h](#i)';
  expect(linksIn(text)).toEqual(['b.md#c', 'e.png', '#i']);
  expect(anchorsIn('# Who gets it, and why\n```\n# no\n```\n## From `in.tftpd` – 2')).toEqual([
    'who-gets-it-and-why',
    'from-intftpd--2',
  ]);
});

describe.each(pages)('$path', ({ path, text }) => {
  test('links to pages and headings that exist', () => {
    const dangling = linksIn(text).filter((target) => {
      const [file = '', anchor] = target.split('#');
      const linked = pages.find((page) => page.path === (file === '' ? path : posix.join(posix.dirname(path), file)));
      return linked === undefined || (anchor !== undefined && !anchorsIn(linked.text).includes(anchor));
    });
    expect(dangling).toEqual([]);
  });

  test('names files of the repository that exist', () => {
    const named = [...text.matchAll(/(?<![\w/.~-])((?:bin|examples|plugins|scripts|src|test)\/[\w./-]*[\w-])/g)];
    expect(named.map((match) => match[1]!).filter((name) => !existsSync(new URL(name, repository)))).toEqual([]);
  });
});

function sourcesUnder(folder: URL): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => readFileSync(new URL(name, folder), 'utf8'));
}

/** What stands under the third-level heading that names something, up to the next heading. */
function sectionOf(text: string, name: string): string {
  const parts = text.split(/^(?=#{1,6} )/m);
  return parts.find((part) => part.startsWith('### ') && part.split('\n', 1)[0]!.slice(4).split(/ and /).includes(name)) ?? '';
}
