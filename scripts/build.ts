/**
 * Builds what is published: the declarations of `src/` and `plugins/`, and in `lib/` their JavaScript, with a package.json of its own.
 *
 *     node scripts/build.ts [FOLDER]      default: dist/, emptied first; any other folder must be empty
 *
 * Development needs no build. A package does: Node strips no types under node_modules. A start that imports 40 files instead of 350 takes
 * two thirds of the time, and 15 MiB less stay resident. Names and line breaks stay, so that a stack trace can be read.
 * Entry points are those of the repo's package.json and the files that threads begin in; this file names none of them. package.json is
 * written last: half a build is not a package.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** What the build reads of the repo's package.json. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const [given] = process.argv.slice(2);
const out = resolve(given ?? join(root, 'dist'));

/** Machine code cannot be part of `lib/`. */
const MACHINE_CODE = 'koffi';
/** What is installed beside the package. Types of zod are part of ours, so a user's compiler needs it. */
const INSTALLED = [MACHINE_CODE, 'zod'];

const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
prepare();
declare();
await bundle(manifest);
complete(manifest);

function prepare(): void {
  if (out === join(root, 'dist')) rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  if (readdirSync(out).length > 0) fail(`not empty: ${out}`);
}

function declare(): void {
  const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
  const { status } = spawnSync(process.execPath, [tsc, '--project', join(root, 'tsconfig.build.json'), '--outDir', out], {
    stdio: 'inherit',
  });
  if (status !== 0) fail('the sources do not compile');
}

/** All files lie in one folder: a worker is found beside the file that starts it, as in the sources. */
async function bundle({ name, bin, exports, imports }: Manifest): Promise<void> {
  const programs = Object.values(bin).map((program) => [programOf(program), join(dirname(program), sourceOf(program))]);
  const workers = globSync('{src,plugins}/**/{*-,}worker.ts', { cwd: root }).map((file) => [basename(file, '.ts'), file]);
  const modules = Object.entries({ ...exports, ...imports }).map(([key, file]) => [libraryName(key), file]);
  const bundler = await rolldown({
    cwd: root,
    input: Object.fromEntries([...programs, ...workers, ...modules].map(([key, file]) => [key, file!])),
    platform: 'node',
    // By its own name it finds itself in the package as well.
    external: [/^node:/, MACHINE_CODE, new RegExp(`^${name}(/|$)`)],
  });
  const { output } = await bundler.write({
    dir: join(out, 'lib'),
    format: 'esm',
    chunkFileNames: '[name].js',
    comments: false,
    // V8 keeps the text of what it runs, in half the memory if all of it is ASCII.
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: false, asciiOnly: true } },
  });
  await bundler.close();
  const files = output.flatMap((chunk) => (chunk.type === 'chunk' ? Object.keys(chunk.modules) : []));
  writeFileSync(join(out, 'THIRD-PARTY-LICENSES'), licencesOf(files));
}

/** Of each package that a file was taken from. */
function licencesOf(files: readonly string[]): string {
  const packages = new Set(files.flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []));
  const texts = [...packages].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    const [file] = globSync('{licen[cs]e,LICEN[CS]E}*', { cwd: folder });
    if (file === undefined) return fail(`${name} has no licence`);
    return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

function complete({ name, version, description, license, type, engines, bin, exports, imports, dependencies }: Manifest): void {
  const built = {
    name,
    version,
    description,
    license,
    type,
    engines,
    bin,
    exports: mapEntries(exports, (key, source) => ({ types: source.replace(/\.ts$/, '.d.ts'), default: libraryFile(key) })),
    imports: mapEntries(imports, libraryFile),
    dependencies: Object.fromEntries(Object.entries(dependencies).filter(([module]) => INSTALLED.includes(module))),
  };
  for (const file of ['README.md', 'LICENSE']) copyFileSync(join(root, file), join(out, file));
  cpSync(join(root, 'docs'), join(out, 'docs'), { recursive: true });
  for (const program of Object.values(bin)) copyProgram(program);
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(built, undefined, 2)}\n`);
}

/** What is plain JavaScript already, save that it imports TypeScript in the clone. */
function copyProgram(program: string): void {
  const target = join(out, program);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, readFileSync(join(root, program), 'utf8').replace(sourceOf(program), `../lib/${programOf(program)}.js`));
  chmodSync(target, 0o755);
}

/** The TypeScript that a program imports, as it says so. */
function sourceOf(program: string): string {
  const [, source] = /import\('([^']+\.ts)'\)/.exec(readFileSync(join(root, program), 'utf8')) ?? [];
  return source ?? fail(`${program} imports no TypeScript`);
}

function programOf(program: string): string {
  return basename(sourceOf(program), '.ts');
}

/** `.` is `index`, `./plugins` is `plugins`, `#zod` is `zod`. */
function libraryName(key: string): string {
  return key.replace(/^(\.\/?|#)/, '') || 'index';
}

function libraryFile(key: string): string {
  return `./lib/${libraryName(key)}.js`;
}

function mapEntries<Value>(
  record: Readonly<Record<string, string>>,
  map: (key: string, value: string) => Value,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(key, value)]));
}

function fail(message: string): never {
  process.stderr.write(`build: ${message}\n`);
  process.exit(1);
}
