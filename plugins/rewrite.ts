/**
 * Rewrites the requested name by rules or by a function. It sees the name and the client, and opens no file.
 */
import {
  type Awaitable,
  type Call,
  definePlugin,
  type Finding,
  type Hooks,
  NOT_FOUND,
  type ReadRequest,
  type RewriteRequest,
} from 'pxe';
import { z } from 'zod';
import { answering, answeringWithin, type Lookups, listed } from './lib/lookups.ts';
import type { BoundedRegExp } from './lib/regexp/bounded.ts';
import { naming, TimeGuard } from './lib/regexp/guard.ts';

/** A rule. Rules run from top to bottom, each on the result of the previous one. */
export interface RewriteRule {
  /**
   * A regular expression, a whole name, or, for JSON, a regular expression as text: `/^boot\//i`. With the flag `g`, every match
   * is replaced.
   */
  readonly match: RegExp | string;
  /**
   * The replacement: text, in which `$1`, `$<name>` and `$&` mean what they do in `String.replace`, or a function that returns
   * it.
   */
  readonly replace: string | ((match: RegExpMatchArray, request: RewriteRequest) => string);
  /** If this rule matches, no further rule is tried. Default false. */
  readonly last?: boolean | undefined;
  /**
   * `exists`: if the resulting name is a file under the root, no further rule is tried; otherwise the rule counts as not
   * matching. For an upload every name counts as existing.
   */
  readonly when?: 'exists' | undefined;
  /**
   * Requests that the rule applies to: reads, writes (uploads), or all. Default `read`, so that a rule does not redirect uploads
   * by accident.
   */
  readonly requests?: 'read' | 'write' | 'all' | undefined;
}

/** Returns the new name, or `undefined` to leave it unchanged. It is called for reads only. */
export type RewriteFunction = (request: ReadRequest, call: Call) => Awaitable<string | undefined>;

const isFunction = (value: unknown): boolean => typeof value === 'function';

const pattern = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    const mistake = mistakeIn(text);
    if (mistake !== undefined) context.addIssue({ code: 'custom', message: `is not a valid regular expression: ${mistake}` });
  });
const match = z.union([z.instanceof(RegExp), pattern]);
const replace = z.union([
  z.string(),
  z.custom<Exclude<RewriteRule['replace'], string>>(isFunction, 'expected text or a function'),
]);
const rule = z.strictObject({
  match,
  replace,
  last: z.boolean().optional(),
  when: z.literal('exists').optional(),
  requests: z.enum(['read', 'write', 'all']).optional(),
});
const options: z.ZodType<readonly RewriteRule[] | RewriteFunction, readonly RewriteRule[] | RewriteFunction> = z.union([
  z.array(rule),
  z.custom<RewriteFunction>(isFunction, 'expected an array of rules, or a function'),
]);

/** Time limit of all rules on one name, and of one call of a function, which may do more than match. */
const RULES_MS = 30;
const FUNCTION_MS = 1000;

export const rewrite = definePlugin({
  name: 'rewrite',
  options,
  async setup(given): Promise<Hooks> {
    const functions = new TimeGuard({ limitMs: FUNCTION_MS });
    if (typeof given === 'function') {
      return {
        async rewrite(request, call) {
          if (request.kind !== 'read') return undefined;
          const name = await naming(
            () => functions.run(() => given(request, call)),
            () => 'the function',
          );
          return name === undefined ? undefined : { ...request, name };
        },
      };
    }
    const { boundRegExp, JUDGED_LENGTH } = await import('./lib/regexp/bounded.ts');
    const rules = given.map(({ match, ...rest }) => ({ ...rest, ...boundRegExp(toRegExp(match)) }));
    const guard = new TimeGuard({ limitMs: RULES_MS, repeatable: true });
    const guarded = rules.some(({ bound }) => bound === 'time');
    return {
      rewrite(request, call) {
        const begin = (): Lookups<RewriteRequest | undefined> => applyRules(rules, request, call, { functions, at });
        const at: Progress = { rule: 0 };
        if (!guarded && request.name.length <= JUDGED_LENGTH) return answering(begin(), call);
        return naming(
          () => answeringWithin(guard, begin, call),
          () => `rule ${at.rule} (${given[at.rule - 1]!.match})`,
        );
      },
      check: async () => [...findingsOf(given, rules), ...(await hangingRules(rules))],
    };
  },
});

type ReadyRule = Omit<RewriteRule, 'match'> & BoundedRegExp;

/** The current rule, from 1, for the message if a match is interrupted. */
interface Progress {
  rule: number;
}

/** Rules could double the name repeatedly. File systems do not have longer names. */
const MAX_LENGTH = 4096;

interface Applying {
  readonly functions: TimeGuard;
  readonly at: Progress;
}

function* applyRules(
  rules: readonly ReadyRule[],
  request: RewriteRequest,
  { note }: Call,
  { functions, at }: Applying,
): Lookups<RewriteRequest | undefined> {
  let current = request;
  const applied: number[] = [];
  for (const [index, { regExp, replace, last, when, requests = 'read' }] of rules.entries()) {
    at.rule = index + 1;
    if (requests !== 'all' && requests !== request.kind) continue;
    if (current.name.search(regExp) < 0) continue;
    const name =
      typeof replace === 'string'
        ? current.name.replace(regExp, replace)
        : replaceBy((match) => functions.run(() => replace(match, current)), regExp, current.name);
    if (name.length > MAX_LENGTH) throw NOT_FOUND;
    if (when === 'exists' && request.kind === 'read' && !(yield name)) continue;
    current = { ...current, name };
    applied.push(index + 1);
    if (last || when === 'exists') break;
  }
  if (applied.length === 0) return undefined;
  note(listed('rule', applied));
  return current;
}

function replaceBy(make: (match: RegExpMatchArray) => string, regExp: RegExp, name: string): string {
  const matches = regExp.global ? [...name.matchAll(regExp)] : [name.match(regExp)!];
  let result = '';
  let end = 0;
  for (const found of matches) {
    result += name.slice(end, found.index) + make(found);
    end = found.index! + found[0].length;
  }
  return result + name.slice(end);
}

/** A copy, so that other code cannot change its `lastIndex`. */
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
    const ready = rules[index]!.regExp;
    if (typeof match === 'string' && !asText.test(match)) {
      if (LIKE_PATTERN.test(match))
        yield found(`as text, matches only a file of exactly this name; write a regular expression ${suggestion(match)}`);
      else if (/^\/|\\|\/\//.test(match)) yield found('never matches: names have no leading slash and no double slashes');
    } else if (!changesBefore(rules, index) && /^\^(\\\/|\[\/\])(?![?*{])/.test(ready.source))
      yield found('never matches: names have no leading slash');
    const earlier = endedBy(rules, index);
    if (earlier !== undefined)
      yield found(`never matches: rule ${earlier} matches all the same names, and no rule after it is tried`);
  }
}

const LIKE_PATTERN = /^\^|\$$|\.[*+]|\\[.dwsb/]|\|/;

/** The expression as text. The special characters of an invalid one, such as `^boot(/`, are escaped. */
function suggestion(match: string): string {
  const escaped = match.replace(/(?<!\\)\//g, '\\/');
  const source = isValid(escaped) ? escaped : escaped.replace(/(?<!\\)[()[\]{}*+?]|\\$/g, '\\$&');
  return isValid(source) ? `between slashes: ${JSON.stringify(`/${source}/`)}` : 'between slashes: "/^boot\\\\/(.*)$/"';
}

function isValid(source: string): boolean {
  try {
    return new RegExp(source) instanceof RegExp;
  } catch {
    return false;
  }
}

async function hangingRules(rules: readonly ReadyRule[]): Promise<readonly Finding[]> {
  const { describeAttack, findAttack } = await import('./lib/regexp/attack.ts');
  return rules.flatMap(({ regExp, bound }, index) => {
    const attack = findAttack(regExp);
    if (attack === undefined) return [];
    return [{ severity: 'warning' as const, path: [index, 'match'], message: describeAttack(attack, bound, RULES_MS) }];
  });
}

/** Whether an earlier rule may have changed the name and gone on. */
function changesBefore(rules: readonly ReadyRule[], index: number): boolean {
  return rules.slice(0, index).some(({ last, when }) => !last && when === undefined);
}

/** The number, from 1, of the earlier rule that takes every name that this one matches. */
function endedBy(rules: readonly ReadyRule[], index: number): number | undefined {
  const { regExp, requests = 'read' } = rules[index]!;
  const at = rules.slice(0, index).findIndex((above, place) => {
    if (!above.last || above.when !== undefined) return false;
    if (above.requests !== 'all' && (above.requests ?? 'read') !== requests) return false;
    if (EVERYTHING.test(above.regExp.source)) return true;
    const same = above.regExp.source === regExp.source && above.regExp.ignoreCase === regExp.ignoreCase;
    // A rule in between could produce a name that this one matches.
    return same && !changesBefore(rules.slice(place), index - place);
  });
  return at < 0 ? undefined : at + 1;
}

const EVERYTHING = /^(\(\?:\)|\^|\^?\(?\.\*\)?\$?|\$)$/;
