/**
 * An explanation as a tree: who asks, what becomes of the name, which file that is, and the answer.
 */
import { describeFacts, type TraceEntry } from '../plugin/trace.ts';
import type { Client } from '../plugin/types.ts';
import type { Explanation } from '../server/explain.ts';
import { UNKNOWN_ADDRESS } from '../server/machines.ts';
import { faultyPart } from './link.ts';
import { byteCount, duration } from './terminal.ts';
import { type Branch, drawTree } from './tree.ts';

/** For a person, on several lines. */
export function tellRoute(explanation: Explanation, rootDir: string): string {
  const { asked, name, client, unknowable, trace, agreed, error } = explanation;
  const of = (...hooks: readonly TraceEntry['hook'][]) =>
    trace.filter(({ hook }) => hooks.includes(hook)).map((entry) => step(entry, rootDir));
  const sections: readonly Branch[] = [
    { text: `who      ${tellClient(client, unknowable ?? false)}`, branches: of('identify', 'host') },
    { text: `name     ${name || 'none that can be looked for'}`, branches: of('rewrite') },
    { text: 'file', branches: of('open') },
    ...(error ? [] : [{ text: `options  ${agreed.map((option) => `${option.name}=${option.value}`).join(' ') || 'none'}` }]),
    { text: `answer   ${tellAnswer(explanation)}` },
  ];
  return drawTree({ text: asked, branches: sections.filter(({ text, branches }) => text !== 'file' || branches?.length) });
}

/** `web1/boot.ipxe, 1.2 KiB`, or `ERROR 1: file not found` */
export function tellAnswer({ served, error }: Explanation): string {
  if (error) return `ERROR ${error.code}: ${error.message}`;
  if (served === undefined) return '';
  return served.size === undefined ? `${served.from}, size not known` : `${served.from}, ${byteCount(served.size)}`;
}

function tellClient(client: Client, unknowable: boolean): string {
  const { address, host } = client;
  const facts = describeFacts(client, (ageMs) => `, ${duration(ageMs)} ago`);
  return [
    ...(address === UNKNOWN_ADDRESS ? [] : [address]),
    (unknowable ? facts?.replace('(given)', '(given; this config would not know it)') : facts) ?? 'MAC address not known',
    ...(host ? [`host ${[host.name, ...host.groups].join(' < ')}`] : []),
  ].join(', ');
}

/** One hook of one plugin; what was looked for on its behalf hangs below. */
function step({ plugin, before, after, note, error, ms, lookups }: TraceEntry, rootDir: string): Branch {
  const answer = error === undefined ? (after ?? 'no answer') : `failed: ${error}`;
  const remark = note === undefined ? '' : `, ${note}`;
  return {
    text: `${plugin ?? 'root directory'}: ${before} → ${answer}${remark}  (${ms.toFixed(1)} ms)`,
    branches: lookups.map(({ name, found, error: why }) => ({
      text: `${name}: ${found ? 'found' : (why ?? absence(rootDir, name))}`,
    })),
  };
}

function absence(rootDir: string, name: string): string {
  const fault = faultyPart(rootDir, name);
  return fault?.kind === 'broken' ? `not there: ${fault.name} is a broken link to ${fault.target}` : 'not there';
}
