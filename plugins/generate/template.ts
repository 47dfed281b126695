/**
 * A Liquid template file; its tags can neither run code nor read files. A missing variable is an error with its place.
 */
import { Liquid, LiquidError } from 'liquidjs';
import { ConfigError, type Issue, type Place } from 'pxe';
import { nearest } from 'pxe/kit';
import { readRegularFile } from '../lib/regular-file.ts';
import { TemplateError } from './template-error.ts';

/** A parsed template. */
export interface Template {
  /** Absolute path. */
  readonly file: string;
  /** Throws a {@link TemplateError}. */
  render(scope: object): string;
}

const RENDER_LIMIT_MS = 1000;
const MEMORY_LIMIT = 10_000_000;

/** Reads a template. Throws a `ConfigError`. @param file absolute */
export async function readTemplate(file: string): Promise<Template> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readRegularFile(file));
  } catch (error) {
    throw new ConfigError(file, [unreadable(error)]);
  }
  const engine = makeEngine();
  try {
    const parsed = engine.parse(text, file);
    return {
      file,
      render(scope) {
        try {
          return engine.renderSync(parsed, scope) as string;
        } catch (error) {
          throw renderError(error, file);
        }
      },
    };
  } catch (error) {
    if (!LiquidError.is(error)) throw error;
    const message = messageOf(error);
    throw new ConfigError(file, [{ path: [], place: placeOf(error, file), message, hint: hintFor(message, engine) }]);
  }
}

function makeEngine(): Liquid {
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    // `{% if gpu %}` and `{{ gpu | default: 'none' }}` may name absent variables.
    lenientIf: true,
    ownPropertyOnly: true,
    renderLimit: RENDER_LIMIT_MS,
    memoryLimit: MEMORY_LIMIT,
    outputEscape: (value) => {
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        throw new Error('an object is not text; name one of its keys');
      return Array.isArray(value) ? value.join(' ') : String(value ?? '');
    },
  });
  // These read other files, which would not be watched.
  for (const tag of ['include', 'render', 'layout', 'block']) delete engine.tags[tag];
  return engine;
}

function unreadable(error: unknown): Issue {
  if (error instanceof TypeError) return { path: [], message: 'is not in UTF-8', hint: 'save it as UTF-8' };
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT') return { path: [], message };
  return { path: [], message: 'no such template', hint: 'is the path right? it is relative to the config' };
}

function renderError(error: unknown, file: string): unknown {
  if (!LiquidError.is(error)) return error;
  const { variableName } = (error.originalError ?? {}) as { variableName?: unknown };
  if (typeof variableName !== 'string') return new TemplateError(placeOf(error, file), messageOf(error));
  return new TemplateError(placeOf(error, file), `no variable ${JSON.stringify(variableName)}`, variableName);
}

function placeOf(error: LiquidError, file: string): Place {
  const [line = 1, column] = error.token?.getPosition() ?? [];
  return { file, line, column };
}

/** Without the place that Liquid appends. */
function messageOf(error: LiquidError): string {
  return (error.originalError?.message ?? error.message).replace(/, (file:.*, )?line:\d+, col:\d+$/, '');
}

function hintFor(message: string, { filters, tags }: Liquid): string | undefined {
  const [, filter] = /^undefined filter: (\S+)$/.exec(message) ?? [];
  const [, tag] = /^tag "(.+)" not found$/.exec(message) ?? [];
  const near = filter === undefined ? tag && nearest(tag, Object.keys(tags)) : nearest(filter, Object.keys(filters));
  return near && `did you mean ${JSON.stringify(near)}?`;
}
