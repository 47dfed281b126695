/** The import directions of the architecture: who may know of whom. A layer that is not in the table does not exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Layer {
  /** What it may import beside itself. */
  readonly layers: readonly string[];
  /** The same of packages; `node:` for any of Node's. */
  readonly packages: readonly string[];
}

/**
 * Every layer of `src/`, from the ground up, with exactly what it uses: a permission that nothing uses fails as well. A folder below a
 * layer is a layer of its own if it stands here.
 */
const LAYERS: Readonly<Record<string, Layer>> = {
  base: { layers: [], packages: ['node:', 'zod'] },
  stats: { layers: [], packages: [] },
  net: { layers: ['base'], packages: ['node:'] },
  content: { layers: ['base'], packages: ['node:'] },
  plugin: { layers: ['base', 'stats', 'content'], packages: ['node:', 'zod'] },
  config: {
    layers: ['base', 'content', 'plugin'],
    packages: ['node:', 'zod', 'cosmiconfig', 'chokidar', 'acorn', 'yaml'],
  },
  service: { layers: ['base', 'stats', 'content', 'plugin', 'config'], packages: [] },
  'dhcp/protocol': { layers: ['base'], packages: [] },
  dhcp: { layers: ['base', 'net', 'plugin', 'config', 'service', 'dhcp/protocol'], packages: ['node:', 'zod'] },
  'dhcp/doctor': { layers: ['base', 'net', 'dhcp/protocol'], packages: [] },
  'http/protocol': { layers: ['base'], packages: [] },
  http: { layers: ['base', 'stats', 'content', 'plugin', 'config', 'service', 'http/protocol'], packages: ['node:', 'zod'] },
  'tftp/protocol': { layers: ['base'], packages: [] },
  tftp: {
    layers: ['base', 'stats', 'net', 'content', 'plugin', 'config', 'service', 'tftp/protocol', 'tftp/transport'],
    packages: ['node:', 'zod'],
  },
  'tftp/transport': { layers: ['base', 'stats', 'net', 'content', 'tftp/protocol'], packages: ['node:'] },
  'tftp/client': { layers: ['base', 'net', 'content', 'tftp', 'tftp/protocol'], packages: ['node:'] },
  'tftp/storm': { layers: ['base', 'net', 'tftp/protocol', 'tftp/client'], packages: ['node:'] },
  server: {
    layers: [
      'base',
      'stats',
      'net',
      'content',
      'plugin',
      'config',
      'service',
      'tftp',
      'tftp/protocol',
      'tftp/transport',
      'dhcp',
      'http',
    ],
    packages: ['node:'],
  },
  cli: {
    layers: [
      'base',
      'stats',
      'net',
      'content',
      'plugin',
      'config',
      'service',
      'tftp',
      'tftp/client',
      'tftp/storm',
      'dhcp/doctor',
      'server',
    ],
    packages: ['node:', 'commander', 'pino', 'pxe/plugins'],
  },
  kit: { layers: ['base', 'content', 'plugin'], packages: [] },
  index: {
    layers: ['base', 'stats', 'net', 'content', 'plugin', 'config', 'service', 'tftp', 'tftp/protocol', 'dhcp', 'http', 'server'],
    packages: ['zod'],
  },
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

/** The deepest layer that a file is in, or its folder if that is none; `index` and `kit` for the files beside the folders; `undefined` outside `src/`. */
function layerOf(file: string): string | undefined {
  const [top, ...path] = file.replace(/\.ts$/, '').split(sep);
  if (top !== 'src') return undefined;
  const nested = path.slice(0, 2).join('/');
  return path.length > 2 && nested in LAYERS ? nested : path[0];
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

  test.each(Object.entries(LAYERS))('%s imports what it may, and may no more', (layer, { layers, packages }) => {
    const imports = files.filter((file) => layerOf(file) === layer).flatMap(importsOf);
    const used = (one: Import) => (isRelative(one) ? layerOf(target(one)) : one.specifier.replace(/^node:.*/, 'node:'));
    const wrong = imports.filter((one) => used(one) !== layer && ![...layers, ...packages].includes(used(one) ?? ''));
    expect(wrong.map(told)).toEqual([]);
    const seen = new Set(imports.map(used));
    expect([...layers, ...packages].filter((one) => !seen.has(one))).toEqual([]);
  });

  test('imports run one way', () => {
    const below = (layer: string, seen = new Set<string>()): Set<string> => {
      for (const other of LAYERS[layer]!.layers) if (!seen.has(other)) below(other, seen.add(other));
      return seen;
    };
    for (const layer of Object.keys(LAYERS)) expect([...below(layer)], layer).not.toContain(layer);
  });

  test('only the command line touches the process; others may ask for the platform', () => {
    const touching = files
      .filter((file) => layerOf(file) !== 'cli')
      .filter((file) =>
        /(?<!\.)\bprocess\s*(?:\?\.|\.(?!platform\b)|\[)|\bnode:process\b|globalThis\.process|\bconsole\./.test(code(file)),
      );
    expect(touching).toEqual([]);
  });

  test('protocols know no clock, no chance and no machine', () => {
    const knowing = files
      .filter((file) => layerOf(file)?.endsWith('/protocol'))
      .filter((file) =>
        /\bDate\.now\b|\bDate\(\s*\)|\bperformance\b|Math\.random|\bset(?:Timeout|Interval|Immediate)\b|\bBuffer\b|\bprocess\b/.test(
          code(file),
        ),
      );
    expect(knowing).toEqual([]);
  });
});

describe('plugins', () => {
  const files = sources('plugins');

  const packages = ['pxe', 'pxe/kit', 'zod', 'yaml', 'csv-parse/sync', 'liquidjs', '@eslint-community/regexpp'];

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
