/** The import directions of the architecture: who may know of whom. A layer that is not in the table does not exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What each folder of `src/` may import beside itself: folders, then packages (`node:` for any of Node's). */
const LAYERS: Readonly<Record<string, { readonly layers: readonly string[]; readonly packages: readonly string[] }>> = {
  protocol: { layers: [], packages: [] },
  stats: { layers: [], packages: [] },
  content: { layers: ['protocol'], packages: ['node:'] },
  transport: { layers: ['protocol', 'content', 'stats'], packages: ['node:'] },
  client: { layers: ['protocol', 'content', 'transport'], packages: ['node:'] },
  storm: { layers: ['protocol', 'content', 'transport', 'client'], packages: ['node:'] },
  plugin: { layers: ['protocol', 'content', 'transport'], packages: ['node:', 'zod'] },
  // A config that is data names first-party plugins, which are found as a user's own config finds them.
  config: {
    layers: ['protocol', 'content', 'transport', 'plugin'],
    packages: ['node:', 'zod', 'cosmiconfig', 'chokidar', 'acorn', 'pxe/plugins'],
  },
  server: { layers: ['protocol', 'stats', 'content', 'transport', 'plugin', 'config'], packages: ['node:'] },
  cli: {
    layers: ['protocol', 'content', 'transport', 'client', 'storm', 'plugin', 'config', 'server', 'index'],
    packages: ['node:', 'commander', 'pino', 'chokidar', 'zod', 'pxe/plugins'],
  },
  index: { layers: ['protocol', 'stats', 'content', 'transport', 'client', 'plugin', 'config', 'server'], packages: ['zod'] },
};

interface Import {
  readonly file: string;
  readonly specifier: string;
}

/** Files below a folder, relative to the repository. */
function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** Source without its comments. Text in quotes stays: `//` in a URL must not hide what follows. */
function code(file: string): string {
  return withoutComments(readFileSync(join(ROOT, file), 'utf8'));
}

function withoutComments(text: string): string {
  return text.replace(
    /('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_, quoted) => quoted ?? '',
  );
}

/** `import … from`, `export … from`, `import '…'`, `import('…')`, `require('…')`, also in types. */
function specifiers(text: string): string[] {
  const statements = text.matchAll(
    /\b(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"`])([\w@./:#-]+)\1|\bimport\s*(['"`])([\w@./:#-]+)\3/g,
  );
  const calls = text.matchAll(/\b(?:import|require)\s*\(\s*(['"`])([\w@./:#-]+)\1/g);
  return [...Array.from(statements, (match) => (match[2] ?? match[4])!), ...Array.from(calls, (match) => match[2]!)];
}

function importsOf(file: string): Import[] {
  return specifiers(code(file)).map((specifier) => ({ file, specifier }));
}

/** The folder of `src/`, or `cli` and `index` for the two files beside the folders; `undefined` outside `src/`. */
function layerOf(file: string): string | undefined {
  const [top, second] = file.split(sep);
  return top === 'src' ? second?.replace(/\.ts$/, '') : undefined;
}

function target({ file, specifier }: Import): string {
  return normalize(join(dirname(file), specifier));
}

const isRelative = ({ specifier }: Import) => specifier.startsWith('.');
const told = ({ file, specifier }: Import) => `${relative('', file)} imports ${specifier}`;

test('the reader of imports finds every kind', () => {
  const text = `
    import a from 'a';
    import { b,
      type B } from "b";
    import type { C } from 'c';
    import * as d from 'd';
    import 'e';
    export { f } from 'f';
    export * from 'g';
    const h = await import('h');
    type I = import('i').I;
    const j = require('j');
    // import 'not this'
    /* import 'nor this' */
    const url = 'http://x'; import k from 'k';
    export const from = 'nothing';
  `;
  expect(specifiers(withoutComments(text)).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k']);
});

describe('src', () => {
  const files = sources('src');

  test('is there, and every folder of it is in the table', () => {
    expect(files.length).toBeGreaterThan(50);
    expect([...new Set(files.map(layerOf))].filter((layer) => !(layer! in LAYERS))).toEqual([]);
  });

  test.each(Object.entries(LAYERS))('%s imports downwards only', (layer, { layers, packages }) => {
    const imports = files.filter((file) => layerOf(file) === layer).flatMap(importsOf);
    const wrong = imports.filter((one) => {
      if (!isRelative(one))
        return !packages.some((name) => (name.endsWith(':') ? one.specifier.startsWith(name) : one.specifier === name));
      const other = layerOf(target(one));
      return other === undefined || (other !== layer && !layers.includes(other));
    });
    expect(wrong.map(told)).toEqual([]);
  });

  test('no layer is imported from above and below at once', () => {
    for (const [layer, { layers }] of Object.entries(LAYERS)) {
      for (const other of layers) expect(LAYERS[other]!.layers, `${layer} and ${other}`).not.toContain(layer);
    }
  });

  test('only the command line touches the process; others may ask for the platform', () => {
    const touching = files
      .filter((file) => layerOf(file) !== 'cli')
      .filter((file) =>
        /(?<!\.)\bprocess\s*(?:\?\.|\.(?!platform\b)|\[)|\bnode:process\b|globalThis\.process|\bconsole\./.test(code(file)),
      );
    expect(touching).toEqual([]);
  });

  test('protocol knows no clock, no chance and no machine', () => {
    const knowing = files
      .filter((file) => layerOf(file) === 'protocol')
      .filter((file) =>
        /\bDate\b|\bperformance\b|Math\.random|\bset(?:Timeout|Interval|Immediate)\b|\bBuffer\b|\bprocess\b/.test(code(file)),
      );
    expect(knowing).toEqual([]);
  });
});

describe('plugins', () => {
  const files = sources('plugins');

  const packages = ['pxe', 'zod', 'yaml', 'csv-parse/sync', 'liquidjs', '@eslint-community/regexpp'];

  test('import the package by name, Node, a few packages, and each other; never what is in src/', () => {
    expect(files.length).toBeGreaterThan(3);
    const wrong = files.flatMap(importsOf).filter((one) => {
      if (isRelative(one)) return !target(one).startsWith(`plugins${sep}`);
      return !packages.includes(one.specifier) && !one.specifier.startsWith('node:');
    });
    expect(wrong.map(told)).toEqual([]);
  });

  test('leave the process alone; they may read its environment, where credentials are', () => {
    expect(
      files.filter((file) => /(?<!\.)\bprocess\s*\.(?!platform\b|env\b)|\bnode:process\b|\bconsole\./.test(code(file))),
    ).toEqual([]);
  });
});

test('neither src/ nor plugins/ imports a test', () => {
  const wrong = [...sources('src'), ...sources('plugins')].flatMap(importsOf).filter((one) => /(^|\/)test\//.test(one.specifier));
  expect(wrong.map(told)).toEqual([]);
});
