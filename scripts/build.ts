/**
 * Builds what is published: JavaScript and declarations of `src/` and `plugins/`, with a package.json of their own.
 *
 *     node scripts/build.ts [FOLDER]      default: dist/, emptied first; any other folder must be empty
 *
 * Development needs no build. A package does: Node strips no types under node_modules. Entry points are those of the repo's
 * package.json, `.ts` replaced; this file names none of them. package.json is written last: half a build is no package.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

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
  readonly dependencies: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const [given] = process.argv.slice(2);
const out = resolve(given ?? join(root, 'dist'));

prepare();
compile();
complete(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));

function prepare(): void {
  if (out === join(root, 'dist')) rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  if (readdirSync(out).length > 0) fail(`not empty: ${out}`);
}

function compile(): void {
  const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
  const { status } = spawnSync(process.execPath, [tsc, '--project', join(root, 'tsconfig.build.json'), '--outDir', out], {
    stdio: 'inherit',
  });
  if (status !== 0) fail('the sources do not compile');
}

function complete({ name, version, description, license, type, engines, bin, exports, dependencies }: Manifest): void {
  const built = {
    name,
    version,
    description,
    license,
    type,
    engines,
    bin,
    exports: mapValues(exports, (source) => ({
      types: source.replace(/\.ts$/, '.d.ts'),
      default: source.replace(/\.ts$/, '.js'),
    })),
    dependencies,
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
  writeFileSync(target, readFileSync(join(root, program), 'utf8').replace(/(import\('[^']+)\.ts'\)/g, "$1.js')"));
  chmodSync(target, 0o755);
}

function mapValues<Value>(record: Readonly<Record<string, string>>, map: (value: string) => Value): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function fail(message: string): never {
  process.stderr.write(`build: ${message}\n`);
  process.exit(1);
}
