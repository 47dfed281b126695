/**
 * The way of a boot as a tree: each offer with the reasons for it, and below it what is loaded.
 */

import type { ChainStep, FileStep, OfferStep } from '../server/boot-chain.ts';
import { ANY_SERVER } from '../server/http-origin.ts';
import { section, step, tellAnswer, tellClient } from './explain-tree.ts';
import type { Span } from './painting.ts';
import { type Branch, drawTree } from './tree.ts';

/** For a person, on several lines. */
export function tellChain(first: OfferStep, rootDir: string, coloured = false): string {
  const { firmware, offer } = first;
  const of = (...hooks: readonly string[]) =>
    offer.trace.filter(({ hook }) => hooks.includes(hook)).map((entry) => step(entry, rootDir));
  const { arch } = offer.client;
  const who = [firmware ?? 'unknown firmware', ...(arch === undefined ? [] : [`architecture ${arch}`])].join(', ');
  const branches: readonly Branch[] = [
    { text: section('client', tellClient(offer.client, false)), branches: of('identify', 'host') },
    offerBranch(first, rootDir),
  ];
  return drawTree({ text: [{ text: `boot of ${who}`, colour: 'bold' }], branches }, coloured);
}

function branchOf(one: ChainStep, rootDir: string): Branch {
  return one.kind === 'offer' ? offerBranch(one, rootDir) : fileBranch(one, rootDir);
}

function offerBranch({ firmware, offer, next }: OfferStep, rootDir: string): Branch {
  const { offered, layout, error, trace } = offer;
  const reasons = trace.filter(({ hook }) => hook === 'boot').map((entry) => step(entry, rootDir));
  const what: Span =
    offered === undefined
      ? { text: error === undefined ? 'none: the firmware goes on to its next boot device' : `none: ${error}`, colour: 'red' }
      : { text: `${shown(offered)}${layout === undefined ? '' : `, layout ${layout}`}`, colour: 'bold' };
  const title = { text: firmware === 'ipxe' ? 'iPXE is offered ' : 'offer    ', colour: 'cyan' as const };
  return { text: [title, what], branches: [...reasons, ...next.map((one) => branchOf(one, rootDir))] };
}

function fileBranch({ role, name, entry, explanation, note, isFault, next }: FileStep, rootDir: string): Branch {
  const under = entry === undefined ? '' : ` (${entry})`;
  const answer: readonly Span[] =
    explanation === undefined
      ? []
      : [{ text: ' → ' }, { text: tellAnswer(explanation), colour: explanation.error ? 'red' : 'green' }];
  const remark: readonly Span[] = note === undefined ? [] : [{ text: `, ${note}`, colour: isFault ? 'red' : 'yellow' }];
  const text: readonly Span[] = [
    { text: `${role} `.padEnd(9), colour: 'cyan' },
    { text: `${shown(name)}${under}` },
    ...answer,
    ...remark,
  ];
  return { text, branches: next.map((one) => branchOf(one, rootDir)) };
}

/** The address that is not known is the server's own. */
function shown(name: string): string {
  return name.replaceAll(ANY_SERVER, '{server}');
}
