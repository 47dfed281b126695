/**
 * Imports a config's files afresh at each load, and lists those files.
 *
 * Node keeps a module forever under its URL. So each load gets a number, which is part of the imported file's URL
 * (`pxe.config.ts?generation=1.7`), and a resolve hook passes it on to the project files that this one imports. Modules with a
 * bare specifier (this package, node_modules) keep their plain URL and stay shared, because `instanceof` would break otherwise.
 * It does not know what a config is.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import {
  createRequire,
  type LoadFnOutput,
  type LoadHookContext,
  type ResolveFnOutput,
  type ResolveHookContext,
  registerHooks,
} from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Clock } from '../base/clock.ts';
import { GENERATION_PARAMETER as PARAMETER } from '../base/error-text.ts';
import { limit } from '../base/limit.ts';

export interface FreshImportsOptions {
  readonly clock: Clock;
  /** Time limit of each import: a top-level `await` may never resolve. */
  readonly timeoutMs: number;
}

/** The imports of one load, which share their modules with each other but not with another load. */
export class FreshImports {
  readonly #options: FreshImportsOptions;
  readonly #id: string;
  readonly #files = new Set<string>();
  /** An import that could not be resolved. */
  missing: { readonly specifier: string; readonly importer: string } | undefined;

  constructor(options: FreshImportsOptions) {
    install();
    this.#options = options;
    this.#id = `${instance}.${++loads}`;
  }

  /** Absolute paths of all project files that were imported, including those that were not found. */
  get files(): readonly string[] {
    return [...this.#files];
  }

  /** Records another file. */
  note(file: string): void {
    this.#files.add(file);
  }

  /** @param file absolute path of a TypeScript or JavaScript module. Rejects with whatever the module throws. */
  async import(file: string): Promise<Readonly<Record<string, unknown>>> {
    this.note(file);
    if (!existsSync(file)) throw new Error(`no such file: ${file}`);
    const real = realpathSync(file);
    this.note(real);
    const url = pathToFileURL(real);
    url.searchParams.set(PARAMETER, this.#id);
    running.set(this.#id, this);
    try {
      return await limit<Record<string, unknown>>(import(url.href), { clock: this.#options.clock, ms: this.#options.timeoutMs });
    } finally {
      running.delete(this.#id);
    }
  }
}

/** A thread may have several copies of this module; each has its own hooks and load numbers. */
const copies = globalThis as { [key: symbol]: number | undefined };
const copiesKey = Symbol.for('pxe.config.import');
const instance = (copies[copiesKey] ?? 0) + 1;
copies[copiesKey] = instance;

let loads = 0;
let installed = false;
const running = new Map<string, FreshImports>();
const { cache: commonJs } = createRequire(import.meta.url);

/**
 * Specifiers that configs import even without node_modules. They resolve to this running package, so that each module exists
 * once.
 */
const own = new Map(['pxe', 'pxe/kit', 'pxe/plugins'].map((name) => [name, import.meta.resolve(name)]));
/** Plugins need zod for their schemas. They get this package's copy, unless the project has its own. */
const lent = new Map([['zod', import.meta.resolve('#zod')]]);

/** The hooks remain installed, because a plugin may import modules later. They affect only imports that originate from a load. */
function install(): void {
  if (installed) return;
  installed = true;
  registerHooks({ resolve: resolveFresh, load: loadFresh });
}

function resolveFresh(
  specifier: string,
  context: ResolveHookContext,
  next: (specifier: string, context: ResolveHookContext) => ResolveFnOutput,
): ResolveFnOutput {
  const { parentURL } = context;
  const id = idOf(parentURL);
  const mapped = own.get(specifier);
  if (mapped !== undefined && (id !== undefined || isForeignPackage(parentURL))) return { url: mapped, shortCircuit: true };
  if (id === undefined || parentURL === undefined) return next(specifier, context);
  try {
    const found = next(specifier, context);
    if (!isProjectFile(specifier, found.url)) return found;
    const url = new URL(realUrl(specifier, parentURL) ?? found.url);
    running.get(id)?.note(pathOf(url.href));
    url.searchParams.set(PARAMETER, id);
    return { ...found, url: url.href };
  } catch (error) {
    const url = lent.get(specifier);
    if (url !== undefined) return { url, shortCircuit: true };
    const load = running.get(id);
    if (load) load.missing ??= { specifier, importer: pathOf(parentURL) };
    if (isRelative(specifier)) load?.note(pathOf(new URL(specifier, parentURL).href));
    throw error;
  }
}

/** Config files are ES modules, whatever the nearest package.json says, except files that are clearly CommonJS. */
function loadFresh(
  url: string,
  context: LoadHookContext,
  next: (url: string, context: LoadHookContext) => LoadFnOutput,
): LoadFnOutput {
  if (idOf(url) === undefined) return next(url, context);
  const path = pathOf(url);
  const extension = extname(path);
  // JavaScript also passes the type stripper, which is the only one to report the place of a syntax error.
  if (extension === '.ts' || extension === '.mts' || extension === '.mjs') return typeScript(readFileSync(path));
  if (extension === '.js') {
    const source = readFileSync(path, 'utf8');
    if (context.format === 'module' || /^\s*(import|export)\b/m.test(source)) return typeScript(source);
  }
  // CommonJS modules are cached by path. Modules that one of them requires stay as first loaded.
  delete commonJs[path];
  return next(url, context);
}

function typeScript(source: string | Buffer): LoadFnOutput {
  return { format: 'module-typescript', source, shortCircuit: true };
}

/**
 * Node caches the target of a link forever, but a ConfigMap of Kubernetes is a link that is switched.
 * @returns `undefined` for a specifier that is not a complete file name
 */
function realUrl(specifier: string, parentURL: string): string | undefined {
  if (!isRelative(specifier)) return undefined;
  const path = pathOf(new URL(specifier, parentURL).href);
  return existsSync(path) ? pathToFileURL(realpathSync(path)).href : undefined;
}

function idOf(url: string | undefined): string | undefined {
  if (!url?.includes(`${PARAMETER}=${instance}.`)) return undefined;
  return new URL(url).searchParams.get(PARAMETER) ?? undefined;
}

function pathOf(url: string): string {
  const plain = new URL(url);
  plain.search = '';
  return fileURLToPath(plain);
}

function isProjectFile(specifier: string, url: string): boolean {
  return (isRelative(specifier) || specifier.startsWith('#')) && url.startsWith('file:') && !url.includes('/node_modules/');
}

function isRelative(specifier: string): boolean {
  return /^(\.{0,2}\/|file:)/.test(specifier);
}

/** Inside an installed package, which may contain plugins, but not inside another copy of this one. */
function isForeignPackage(url: string | undefined): boolean {
  return url?.includes('/node_modules/') === true && !url.includes('/node_modules/pxe/');
}
