/**
 * An explanation as a tree: the client, the rewritten names, the file, and the answer.
 */
import { describeFacts, type TraceEntry } from '../plugin/trace.ts';
import type { Client } from '../plugin/types.ts';
import type { Explanation } from '../server/explain.ts';
import { UNKNOWN_ADDRESS } from '../server/machines.ts';
import { faultyPart } from './link.ts';
import type { Colour, Span } from './painting.ts';
import { byteCount, duration } from './terminal.ts';
import { type Branch, drawTree } from './tree.ts';

/** Text for a person, on several lines. */
export function tellRoute(explanation: Explanation, rootDir: string, coloured = false): string {
  const { asked, name, client, unknowable, trace, agreed, error } = explanation;
  const of = (...hooks: readonly TraceEntry['hook'][]) =>
    trace.filter(({ hook }) => hooks.includes(hook)).map((entry) => step(entry, rootDir));
  const opened = of('open');
  const sections: readonly Branch[] = [
    {
      text: section('client', tellClient(client, unknowable ?? false), unknowable ? 'yellow' : undefined),
      branches: of('identify', 'host'),
    },
    { text: section('name', name || 'none: the requested name is invalid'), branches: of('rewrite') },
    ...(opened.length === 0 ? [] : [{ text: section('file', ''), branches: opened }]),
    ...(error
      ? []
      : [{ text: section('options', agreed.map((option) => `${option.name}=${option.value}`).join(' ') || 'none') }]),
    { text: section('answer', tellAnswer(explanation), error ? 'red' : 'bold') },
  ];
  return drawTree({ text: [{ text: asked, colour: 'bold' }], branches: sections }, coloured);
}

export function section(title: string, text: string, colour?: Colour): readonly Span[] {
  return text === ''
    ? [{ text: title, colour: 'cyan' }]
    : [
        { text: title.padEnd(9), colour: 'cyan' },
        { text, colour },
      ];
}

/** `web1/boot.ipxe, 1.2 KiB`, or `ERROR 1: file not found` */
export function tellAnswer({ served, error }: Explanation): string {
  if (error) return `ERROR ${error.code}: ${error.message}`;
  if (served === undefined) return '';
  return served.size === undefined ? `${served.from}, size unknown` : `${served.from}, ${byteCount(served.size)}`;
}

export function tellClient(client: Client, unknowable: boolean): string {
  const { address, host } = client;
  const facts = describeFacts(client, (ageMs) => `, ${duration(ageMs)} ago`);
  return [
    ...(address === UNKNOWN_ADDRESS ? [] : [address]),
    (unknowable ? facts?.replace('(given)', '(given; this config could not learn it)') : facts) ?? 'MAC address unknown',
    ...(host ? [`host ${[host.name, ...host.groups].join(' < ')}`] : []),
  ].join(', ');
}

/** One hook of one plugin, with its lookups below it. */
export function step({ plugin, before, after, note, error, ms, lookups }: TraceEntry, rootDir: string): Branch {
  const answer: Span =
    error !== undefined
      ? { text: `failed: ${error}`, colour: 'red' }
      : after === undefined
        ? { text: 'no answer', colour: 'dim' }
        : { text: after };
  const remark = note === undefined ? '' : `, ${note}`;
  return {
    text: [
      { text: `${plugin ?? 'root directory'}: ${before} → ` },
      answer,
      { text: remark },
      { text: `  (${ms.toFixed(1)} ms)`, colour: 'dim' },
    ],
    branches: lookups.map(({ name, found, error: why }) => ({
      text: [
        { text: `${name}: ` },
        { text: found ? 'found' : (why ?? absence(rootDir, name)), colour: found ? 'green' : 'yellow' },
      ],
    })),
  };
}

function absence(rootDir: string, name: string): string {
  const fault = faultyPart(rootDir, name);
  return fault?.kind === 'broken' ? `not found: ${fault.name} is a broken link to ${fault.target}` : 'not found';
}
