/**
 * Changes the name that is looked for, by rules or by a function. It sees names and who asks; it opens no file.
 */
import { type Awaitable, type Call, definePlugin, type Finding, type Hooks, type ReadRequest } from 'pxe';
import { z } from 'zod';
import { type Asking, answering, listed } from './lookups.ts';

/** A rule; rules run top-down, each on what the one before it has made of the name. */
export interface RewriteRule {
  /** A regular expression; or a whole name; or a regular expression as text, for JSON: `/^boot\//i`. With the flag `g`, every match is replaced. */
  readonly match: RegExp | string;
  /** What stands in the match's place: text, in which `$1`, `$<name>` and `$&` mean what they do in `String.replace`; or a function that makes it. */
  readonly replace: string | ((match: RegExpMatchArray, request: ReadRequest) => string);
  /** After this rule has matched, no other is tried. Default false. */
  readonly last?: boolean | undefined;
  /**
   * `exists`: if there is a file under the root of the name that this rule makes, no other rule is tried; else it is as if the rule
   * had not matched.
   */
  readonly when?: 'exists' | undefined;
}

/** Returns the name to look for, or `undefined` to leave it as it is. */
export type RewriteFunction = (request: ReadRequest, call: Call) => Awaitable<string | undefined>;

const isFunction = (value: unknown): boolean => typeof value === 'function';

const pattern = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    const mistake = mistakeIn(text);
    if (mistake !== undefined) context.addIssue({ code: 'custom', message: `is no valid regular expression: ${mistake}` });
  });
const match = z.union([z.instanceof(RegExp), pattern]);
const replace = z.union([
  z.string(),
  z.custom<Exclude<RewriteRule['replace'], string>>(isFunction, 'expected text or a function'),
]);
const rule = z.strictObject({ match, replace, last: z.boolean().optional(), when: z.literal('exists').optional() });
const options: z.ZodType<readonly RewriteRule[] | RewriteFunction, readonly RewriteRule[] | RewriteFunction> = z.union([
  z.array(rule),
  z.custom<RewriteFunction>(isFunction, 'expected an array of rules, or a function'),
]);

export const rewrite = definePlugin({
  name: 'rewrite',
  options,
  setup: (given): Hooks => {
    if (typeof given === 'function') {
      return {
        async rewrite(request, call) {
          const name = await given(request, call);
          return name === undefined ? undefined : { ...request, name };
        },
      };
    }
    const rules = given.map(({ match, ...rest }) => ({ ...rest, match: toRegExp(match) }));
    return {
      rewrite: (request, call) => answering(applyRules(rules, request, call), call),
      check: () => findingsOf(given, rules),
    };
  },
});

type ReadyRule = RewriteRule & { readonly match: RegExp };

function* applyRules(rules: readonly ReadyRule[], request: ReadRequest, { note }: Call): Asking<ReadRequest | undefined> {
  let current = request;
  const applied: number[] = [];
  for (const [index, { match, replace, last, when }] of rules.entries()) {
    if (current.name.search(match) < 0) continue;
    const name = typeof replace === 'string' ? current.name.replace(match, replace) : replaceBy(replace, match, current);
    if (when === 'exists' && !(yield name)) continue;
    current = { ...current, name };
    applied.push(index + 1);
    if (last || when === 'exists') break;
  }
  if (applied.length === 0) return undefined;
  note(listed('rule', applied));
  return current;
}

function replaceBy(make: Exclude<RewriteRule['replace'], string>, regExp: RegExp, request: ReadRequest): string {
  const { name } = request;
  const matches = regExp.global ? [...name.matchAll(regExp)] : [name.match(regExp)!];
  let result = '';
  let end = 0;
  for (const found of matches) {
    result += name.slice(end, found.index) + make(found, request);
    end = found.index! + found[0].length;
  }
  return result + name.slice(end);
}

/** A copy, so that nobody else moves its `lastIndex`. */
function toRegExp(match: RegExp | string): RegExp {
  if (match instanceof RegExp) return new RegExp(match.source, match.flags.replace('y', ''));
  const [, source, flags] = asText.exec(match) ?? [];
  return source === undefined ? new RegExp(`^${match.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$`) : new RegExp(source, flags);
}

const asText = /^\/(.+)\/([a-z]*)$/s;

/** `unterminated group`; `undefined` if there is none. */
function mistakeIn(text: string): string | undefined {
  try {
    toRegExp(text);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    const [, reason = message] = /: ([^:]+)$/.exec(message) ?? [];
    return reason.charAt(0).toLowerCase() + reason.slice(1);
  }
}

function* findingsOf(written: readonly RewriteRule[], rules: readonly ReadyRule[]): Iterable<Finding> {
  for (const [index, { match }] of written.entries()) {
    const found = (message: string): Finding => ({ severity: 'warning', path: [index, 'match'], message });
    const ready = rules[index]!.match;
    if (typeof match === 'string' && !asText.test(match)) {
      if (LIKE_PATTERN.test(match))
        yield found(`stands for a file of this very name; a regular expression is written ${suggestion(match)}`);
      else if (/^\/|\\|\/\//.test(match)) yield found('never matches: names have single slashes, and none in front');
    } else if (!changesBefore(rules, index) && /^\^(\\\/|\[\/\])(?![?*{])/.test(ready.source))
      yield found('never matches: names have no slash in front');
    const earlier = endedBy(rules, index);
    if (earlier !== undefined) yield found(`never matches: rule ${earlier} takes all that it would, and is the last`);
  }
}

const LIKE_PATTERN = /^\^|\$$|\.[*+]|\\[.dwsb/]|\|/;

/** In JSON, too. */
function suggestion(match: string): string {
  return `between slashes: "/${match.replace(/(?<!\\)\//g, '\\/').replaceAll('\\', '\\\\')}/"`;
}

/** Whether a rule above may have made another name of the one asked for, and gone on. */
function changesBefore(rules: readonly ReadyRule[], index: number): boolean {
  return rules.slice(0, index).some(({ last, when }) => !last && when === undefined);
}

/** The number, from 1, of the rule above that leaves nothing to this one. */
function endedBy(rules: readonly ReadyRule[], index: number): number | undefined {
  const { match } = rules[index]!;
  const at = rules.slice(0, index).findIndex((above, place) => {
    if (!above.last || above.when !== undefined) return false;
    if (EVERYTHING.test(above.match.source)) return true;
    const same = above.match.source === match.source && above.match.ignoreCase === match.ignoreCase;
    // A rule between them could make a name that it does match.
    return same && !changesBefore(rules.slice(place), index - place);
  });
  return at < 0 ? undefined : at + 1;
}

const EVERYTHING = /^(\(\?:\)|\^|\^?\(?\.\*\)?\$?|\$)$/;
