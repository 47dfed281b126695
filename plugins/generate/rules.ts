/**
 * The rules of a config, with their templates read and their names parsed.
 */
import { type Awaitable, ConfigError, type Issue } from 'pxe';
import { cleanName } from 'pxe/kit';
import { type Glob, parseGlob } from '../lib/glob.ts';
import { type GenerateContext, scopeOf } from './context.ts';
import type { GeneratedFiles } from './options.ts';
import type { Template } from './template.ts';

/** A name pattern, and what generates its file. */
export interface Rule {
  /** As written in the config. */
  readonly key: string;
  readonly glob: Glob;
  readonly template: Template | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  make(context: GenerateContext): Awaitable<string | Uint8Array | undefined>;
}

export interface ReadingRules {
  absolute(path: string): string;
  watch(path: string): void;
  /** Maps a name to the form in which names are compared. */
  fold(name: string): string;
}

/** Throws a `ConfigError` with the mistakes of all templates. */
export async function readRules(files: GeneratedFiles, { absolute, watch, fold }: ReadingRules): Promise<readonly Rule[]> {
  const issues: Issue[] = [];
  const rules: Rule[] = [];
  for (const [key, rule] of Object.entries(files)) {
    const glob = parseGlob(cleanName(key, 'any'), fold);
    if (typeof rule === 'function') {
      rules.push({ key, glob, template: undefined, variables: {}, make: rule });
      continue;
    }
    const file = absolute(rule.template);
    watch(file);
    try {
      // Loaded only if there is a template: its library takes ten megabytes.
      const { readTemplate } = await import('./template.ts');
      const template = await readTemplate(file);
      rules.push({ key, glob, template, variables: rule.variables ?? {}, make: (context) => template.render(scopeOf(context)) });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      issues.push(...error.issues.map((issue) => ({ place: { file, line: 1 }, ...issue })));
    }
  }
  if (issues.length > 0) throw new ConfigError(undefined, issues);
  return rules;
}
