/**
 * The hooks: how the answers to each combine, how an answer is checked, and how the trace describes it. A new hook needs an entry
 * here and its type in `types.ts`.
 */
import { bytesContent } from '../content/bytes.ts';
import { abortUnwanted, closeUnwanted } from '../content/unwanted.ts';
import {
  expectBoot,
  expectFileName,
  expectFinding,
  expectHost,
  expectIdentities,
  expectMachine,
  expectName,
  expectOpened,
  expectSources,
  expectStored,
} from './answers.ts';
import {
  first,
  type ListHook,
  list,
  type ObserverHook,
  observers,
  type RequestHook,
  type StatementHook,
  statements,
  waterfall,
} from './combine.ts';
import { factNames, withIdentity } from './facts.ts';
import { type AnswerContext, type Boot, describeBoot, describeOpened, fileName, type Opened, type Stored } from './route.ts';
import { describeFacts } from './trace.ts';
import type {
  BootRequest,
  Call,
  ExchangeInfo,
  ExchangeSummary,
  Finding,
  Hooks,
  Host,
  Identity,
  IdentitySource,
  Machine,
  ReadRequest,
  RequestInfo,
  RewriteRequest,
  WriteRequest,
} from './types.ts';

/** An entry for each hook, of a kind that fits its parameters. A hook without an entry does not compile. */
export type HookTable<All = Hooks> = { readonly [Name in keyof All]-?: EntryOf<NonNullable<All[Name]>> };

// biome-ignore lint/suspicious/noExplicitAny: any hook, whatever it is asked about
type EntryOf<Hook> = Hook extends (...parameters: any) => unknown
  ? Parameters<Hook> extends [infer Input, Call]
    ? // biome-ignore lint/suspicious/noExplicitAny: what the answers come to is the entry's to say
      RequestHook<Input, any> | (Input extends { readonly id: number } ? ObserverHook<Input> : never)
    : Parameters<Hook> extends [Call]
      ? ListHook<unknown>
      : StatementHook<unknown>
  : never;

export const HOOKS = {
  identify: waterfall<RequestInfo, readonly Identity[]>({
    about: ({ client }) => client.address,
    expect: expectIdentities,
    describe: (identities) => describeFacts(identities.reduce(withIdentity, { address: '', port: 0 })),
    apply(request, identities) {
      const client = identities.reduce(withIdentity, request.client);
      return client === request.client ? request : { ...request, client };
    },
    enough: ({ client }) => factNames.every((fact) => client[fact] !== undefined),
  }),
  host: first<RequestInfo, Host>({
    about: ({ client }) => client.mac ?? client.address,
    expect: expectHost,
    describe: ({ name, groups }) => [name, ...groups].join(' < '),
  }),
  boot: first<BootRequest, Boot>({
    about: ({ client }) => [client.mac ?? client.address, ...(client.firmware ? [client.firmware] : [])].join(' '),
    expect: expectBoot,
    describe: describeBoot,
  }),
  rewrite: waterfall<RewriteRequest, string>({
    about: ({ name }) => name,
    expect(answer, { confine }, request) {
      const name = expectName(answer);
      return name === request.name ? undefined : confine(name);
    },
    describe: (name) => name,
    apply: (request, name) => ({ ...request, name }),
  }),
  open: first<ReadRequest, Opened>({
    about: ({ name }) => name,
    expect: (answer, context) => opened(expectOpened(answer), context),
    describe: describeOpened,
    discard: closeUnwanted,
  }),
  store: first<WriteRequest, Stored>({
    about: ({ name }) => name,
    expect(answer, { plugin, confine }) {
      const sink = expectStored(answer);
      return { plugin, sink: typeof sink === 'string' ? confine(sink) : sink };
    },
    describe: ({ sink, plugin }) => (typeof sink === 'string' ? sink : `plugin:${plugin}`),
    discard: abortUnwanted,
  }),
  start: observers<ExchangeInfo>(),
  end: observers<ExchangeSummary>(),
  machines: list<Machine>(expectMachine),
  names: list<string>(expectFileName),
  check: list<Finding>(expectFinding),
  sources: statements<IdentitySource>('identify', expectSources, [{ tells: factNames }]),
} satisfies HookTable;

export const hookNames = Object.keys(HOOKS) as readonly (keyof Hooks)[];

function opened(answer: ReturnType<typeof expectOpened>, { plugin, open }: AnswerContext): Opened | Promise<Opened> {
  if (typeof answer === 'string') return open(answer);
  const served = `plugin:${plugin}`;
  if (answer instanceof Uint8Array) return { content: bytesContent(answer), served, plugin };
  return { content: answer, served: fileName(answer) ?? served, plugin };
}
