/**
 * What one entry of a config gives a machine: files by name, a folder, variables and boot targets. Opens nothing.
 */
import { cleanName } from 'pxe/kit';
import { covers, type Glob, hasWildcard, parseGlob } from '../lib/glob.ts';
import { BootTargets } from './boot.ts';
import { type ClientFacts, fillable } from './fill.ts';
import type { GroupEntry } from './options.ts';

/** A key of `files` that no name can reach, and why. */
export interface Shadowed {
  readonly key: string;
  readonly by: string;
}

export class Layer {
  readonly variables: Readonly<Record<string, unknown>>;
  /** The search folder; `undefined` if this machine has none. */
  readonly folder: (facts: ClientFacts) => string | undefined;
  readonly boot: BootTargets;
  readonly shadowed: readonly Shadowed[];
  readonly #fold: (name: string) => string;
  readonly #exact = new Map<
    string,
    { readonly key: string; readonly name: string; readonly target: (facts: ClientFacts) => string | undefined }
  >();
  readonly #globs: { readonly key: string; readonly glob: Glob; readonly target: (facts: ClientFacts) => string | undefined }[] =
    [];

  /** @param fold maps a name to the form in which names are compared */
  constructor({ files = {}, folder, variables = {}, ...boot }: GroupEntry, fold: (name: string) => string = (name) => name) {
    this.#fold = fold;
    const shadowed: Shadowed[] = [];
    for (const [key, written] of Object.entries(files)) {
      const name = cleanName(key, 'any');
      const cleaned = fold(name);
      const target = fillable(written);
      const earlier = hasWildcard(cleaned) ? this.#globs.find(({ glob }) => covers(glob, cleaned)) : this.#exact.get(cleaned);
      if (earlier) shadowed.push({ key, by: earlier.key });
      else if (hasWildcard(cleaned)) this.#globs.push({ key, glob: parseGlob(name, fold), target });
      else this.#exact.set(cleaned, { key, name, target });
    }
    this.folder = folder === undefined ? () => undefined : fillable(cleanName(folder, 'any'));
    this.variables = variables;
    this.boot = new BootTargets(boot);
    this.shadowed = shadowed;
  }

  /** The exact names in `files`, without patterns. */
  get names(): readonly string[] {
    return [...this.#exact.values()].map(({ name }) => name);
  }

  /** Everything that the layer gives a machine, for comparison. */
  given(facts: ClientFacts): unknown {
    const files = [...this.#exact.values(), ...this.#globs].map(({ key, target }) => [key, target(facts)]);
    return [this.folder(facts), files, this.variables, this.boot.given(facts)];
  }

  /** The file that `files` gives for a cleaned name. */
  target(name: string, facts: ClientFacts): string | undefined {
    const found = this.#exact.get(this.#fold(name)) ?? this.#globs.find(({ glob }) => glob.match(name) !== undefined);
    return found?.target(facts);
  }
}
