/**
 * For `pxe check`: finds variables that a template needs and a listed machine lacks. Renders every template for every machine
 * that the config lists. Functions are not called, because they may have side effects.
 */
import type { Call, Client, Finding, ReadRequest } from 'pxe';
import { nearest } from 'pxe/kit';
import { contextOf, reservedNames, scopeOf } from './context.ts';
import type { Rule } from './rules.ts';
import { TemplateError } from './template-error.ts';

/** Maximum machines named in a finding. */
const MAX_NAMES_LISTED = 5;

export function unknownVariables(
  rules: readonly Rule[],
  prefix: readonly string[],
  call: Call,
  clients: readonly Client[],
): readonly Finding[] {
  const known = new Set<string>(reservedNames);
  for (const { host } of clients) for (const name of Object.keys(host?.variables ?? {})) known.add(name);
  return rules.flatMap((rule) => {
    const failures = new Map<string, { readonly error: TemplateError; readonly lacking: string[] }>();
    for (const client of clients) {
      const error = failureOf(rule, client, call);
      if (error === undefined) continue;
      const failure = failures.get(error.message) ?? { error, lacking: [] };
      failure.lacking.push(client.host?.name ?? client.mac ?? client.address);
      failures.set(error.message, failure);
    }
    return [...failures.values()].map(({ error, lacking }): Finding => {
      const names = [...lacking.slice(0, MAX_NAMES_LISTED), ...(lacking.length > MAX_NAMES_LISTED ? ['…'] : [])].join(', ');
      const whom = lacking.length === clients.length ? 'any machine that the config lists' : names;
      return {
        severity: lacking.length === clients.length ? 'error' : 'warning',
        path: [...prefix, rule.key],
        message: `${error.reason} for ${whom}${remedy(error.variable, known)}`,
        file: error.place.file,
        line: error.place.line,
      };
    });
  });
}

function remedy(variable: string | undefined, known: ReadonlySet<string>): string {
  if (variable === undefined) return '';
  const near = known.has(variable) ? undefined : nearest(variable, [...known]);
  return near === undefined ? `; set it, or write {{ ${variable} | default: … }}` : `; did you mean ${JSON.stringify(near)}?`;
}

function failureOf({ glob, template, variables }: Rule, client: Client, call: Call): TemplateError | undefined {
  if (template === undefined) return undefined;
  const name = glob.pattern.replace(/\*\*|[*?]/g, 'x');
  const request: ReadRequest = {
    protocol: 'tftp',
    kind: 'read',
    client,
    local: { address: '127.0.0.1', port: 69 },
    asked: name,
    name,
    tftp: { mode: 'octet', options: new Map() },
  };
  try {
    template.render(scopeOf(contextOf(request, call, glob.match(name) ?? [], variables)));
    return undefined;
  } catch (error) {
    if (error instanceof TemplateError) return error;
    throw error;
  }
}
