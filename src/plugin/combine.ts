/**
 * How the answers of several plugins to one hook combine. Plugins are asked in the order of the config; a plugin that returns
 * `undefined` has no answer.
 */
import { inSlices, Slices } from '../base/time-slices.ts';
import { expectIterable } from './answers.ts';
import type { HookCaller, HookName } from './caller.ts';
import { PluginError } from './error.ts';
import type { AnswerContext, RouteOptions } from './route.ts';
import type { StartedPlugin } from './setup.ts';

/** A hook with the plugins that have it and the caller that calls them. */
export interface HookBinding {
  readonly caller: HookCaller;
  readonly hook: HookName;
  /** All plugins of the config that have the hook. */
  readonly plugins: readonly StartedPlugin[];
}

/** A hook that answers a question about a request. */
export interface RequestHook<Input, Result> {
  readonly kind: 'request';
  run(binding: HookBinding, input: Input, options: RouteOptions): Promise<Result>;
}

/** A hook that is notified and cannot affect the outcome. */
export interface ObserverHook<Input extends { readonly id: number }> {
  readonly kind: 'observer';
  run(binding: HookBinding, input: Input): void;
}

/** A hook that lists items, without a request. */
export interface ListHook<Item> {
  readonly kind: 'list';
  /** @param more additional properties of its call */
  run(binding: HookBinding, more?: object): AsyncIterable<Listed<Item>>;
}

/** The items of one plugin, or its failure. */
export type Listed<Item> = { readonly plugin: StartedPlugin } & (
  | { readonly items: readonly Item[]; readonly error?: undefined }
  | { readonly error: PluginError; readonly items?: undefined }
);

/** A hook that describes, once, what another hook of the same plugin does. */
export interface StatementHook<Item> {
  readonly kind: 'statement';
  /** Throws a `PluginError`. */
  run(binding: HookBinding): readonly Item[];
}

/** How a plugin is asked, and how its answer becomes a result. */
export interface HookSpec<Input, Result> {
  /** The subject of the question, for the trace: an address or a name. */
  about(input: Input): string;
  /** Checks an answer; throws an Error that says what is wrong with it. `undefined` counts as no answer. */
  expect(answer: unknown, context: AnswerContext, input: Input): Result | undefined | Promise<Result | undefined>;
  /** A short form of the result, for the trace. */
  describe(result: Result): string | undefined;
  /** Closes an answer that came too late. */
  discard?(answer: unknown): void;
}

/** The first answer wins. */
export function first<Input, Result>(spec: HookSpec<Input, Result>): RequestHook<Input, Result | undefined> {
  return {
    kind: 'request',
    async run(binding, input, options) {
      for (const plugin of binding.plugins) {
        const result = await ask(binding, plugin, spec, input, options);
        if (result !== undefined) return result;
      }
      return undefined;
    },
  };
}

/** Each plugin gets the request as changed by the previous ones. */
export function waterfall<Input, Result>({
  apply,
  enough,
  ...spec
}: HookSpec<Input, Result> & {
  /** The input of the next plugin. */
  apply(input: Input, result: Result): Input;
  /** Whether no further plugin need be asked. */
  enough?(input: Input): boolean;
}): RequestHook<Input, Input> {
  return {
    kind: 'request',
    async run(binding, input, options) {
      let current = input;
      for (const plugin of binding.plugins) {
        if (enough?.(current)) break;
        const result = await ask(binding, plugin, spec, current, options);
        if (result !== undefined) current = apply(current, result);
      }
      return current;
    },
  };
}

/** All are notified, and none is awaited. */
export function observers<Input extends { readonly id: number }>(): ObserverHook<Input> {
  return {
    kind: 'observer',
    run({ caller, hook, plugins }, input) {
      for (const plugin of plugins) caller.notify({ plugin, hook, about: '', input }, input.id);
    },
  };
}

/** The items that each plugin lists. @param expect checks one item */
export function list<Item>(expect: (item: unknown) => Item): ListHook<Item> {
  return {
    kind: 'list',
    async *run({ caller, hook, plugins }, more) {
      const slices = new Slices();
      for (const plugin of plugins) {
        const items: Item[] = [];
        let error: PluginError | undefined;
        try {
          const answer = await caller.survey(plugin, hook, more);
          await inSlices(expectIterable(answer), (item) => items.push(expect(item)), slices);
        } catch (cause) {
          error = new PluginError(plugin.name, hook, cause);
        }
        yield error === undefined ? { plugin, items } : { plugin, error };
      }
    },
  };
}

/** The statements of all plugins with the hook `of`; `unsaid` stands for a plugin without a statement. */
export function statements<Item>(
  of: HookName,
  expect: (answer: unknown) => readonly Item[],
  unsaid: readonly Item[],
): StatementHook<Item> {
  return {
    kind: 'statement',
    run({ hook, plugins }) {
      return plugins
        .filter(({ hooks }) => hooks[of] !== undefined)
        .flatMap(({ name, hooks }) => {
          const say = hooks[hook] as (() => unknown) | undefined;
          if (say === undefined) return unsaid;
          try {
            return expect(say());
          } catch (error) {
            throw new PluginError(name, hook, error);
          }
        });
    },
  };
}

function ask<Input, Result>(
  { caller, hook }: HookBinding,
  plugin: StartedPlugin,
  { about, expect, describe, discard }: HookSpec<Input, Result>,
  input: Input,
  options: RouteOptions,
): Promise<Result | undefined> {
  return caller.ask<Result | undefined>(
    { plugin, hook, about: about(input), input },
    {
      accept: (answer, context) => (answer === undefined ? undefined : expect(answer, context, input)),
      describe: (result) => (result === undefined ? undefined : describe(result)),
      ...(discard && { discard }),
    },
    options,
  );
}
