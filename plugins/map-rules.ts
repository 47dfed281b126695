/**
 * Runs the rules of a tftp-hpa map file on a name. It opens no file: a `yield` asks whether one exists.
 */
import { Refusal } from 'pxe';
import { parseAddress } from 'pxe/kit';
import { hexAddress } from './lib/address.ts';
import type { Lookups } from './lib/lookups.ts';
import { longest } from './lib/posix-regexp.ts';
import type { MapLine, MapPiece, MapRule } from './map-file.ts';

/** What rules may depend on besides the name. */
export interface MapSubject {
  readonly kind: 'read' | 'write';
  /** The client's address. */
  readonly address: string;
  /** Called with the line of each rule that has applied. */
  readonly applied: number[];
  readonly at: MapProgress;
}

/** The current line, for the message if the rules are interrupted. */
export interface MapProgress {
  line: number;
}

/** tftp-hpa's default limit. */
export const MAX_STEPS = 4096;
/** File systems do not have longer names, but a repeated rule could double a name at each step. */
const MAX_LENGTH = 4096;

/** Returns the rewritten name. Throws ERROR 2 if a rule refuses it or the rules do not end. */
export function* runMap(lines: readonly MapLine[], name: string, subject: MapSubject): Lookups<string> {
  const family = parseAddress(subject.address)?.family === 'ipv6' ? 6 : 4;
  const steps = new Steps();
  let current = name;
  for (let index = 0; index < lines.length; index++) {
    const rule = lines[index]!;
    if (rule.kind === 'label' || !rule.kinds.includes(subject.kind) || !rule.families.includes(family)) continue;
    steps.take();
    subject.at.line = rule.line;
    const found = longest(rule.regExp, current);
    if ((found === undefined) !== rule.inverted) continue;
    const groups = rule.inverted || found === undefined ? [] : found;
    const result = rule.replaces && found ? replaced(rule, current, found, subject.address, steps) : current;
    // Undo the rule, as if it had not matched.
    if (rule.after === 'endIfFile' && !(yield result)) continue;
    current = result;
    subject.applied.push(rule.line);
    switch (rule.after) {
      case 'next':
        break;
      case 'end':
      case 'endIfFile':
        return current;
      case 'restart':
        index = -1;
        break;
      case 'refuse':
        throw refusal(expand(rule.replacement, groups, subject.address) || 'access denied');
      case 'jump':
        index = labelled(lines, expand(rule.replacement, groups, subject.address));
        break;
    }
  }
  return current;
}

class Steps {
  #left = MAX_STEPS;

  take(): void {
    if (this.#left-- === 0) throw endless();
  }
}

function replaced(rule: MapRule, name: string, first: RegExpExecArray, address: string, steps: Steps): string {
  let current = name;
  for (let found: RegExpExecArray | undefined = first; found; steps.take()) {
    const head = current.slice(0, found.index) + expand(rule.replacement, found, address);
    current = head + current.slice(found.index + found[0].length);
    if (current.length > MAX_LENGTH) throw endless();
    if (rule.replaces === 'once' || (rule.replaces === 'onward' && head.length >= current.length)) break;
    found = longest(rule.regExp, current, rule.replaces === 'onward' ? head.length : 0);
    if (!found) break;
  }
  return current;
}

function expand(pieces: readonly MapPiece[], groups: readonly (string | undefined)[], address: string): string {
  let inCase = (text: string): string => text;
  let result = '';
  for (const piece of pieces) {
    switch (piece.kind) {
      case 'text':
        result += inCase(piece.text);
        break;
      case 'group':
        result += inCase(groups[piece.group] ?? '');
        break;
      case 'client':
        result += inCase(piece.form === 'hex' ? hexAddress(address) : (parseAddress(address)?.text ?? address));
        break;
      case 'case':
        inCase = cases[piece.to];
        break;
    }
  }
  return result;
}

const cases: Readonly<Record<Extract<MapPiece, { kind: 'case' }>['to'], (text: string) => string>> = {
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  asIs: (text) => text,
};

function labelled(lines: readonly MapLine[], label: string): number {
  const index = lines.findIndex((line) => line.kind === 'label' && line.label === label);
  if (label === '' || index < 0) throw endless();
  return index;
}

/** tftp-hpa's message for rules that do not end. */
function endless(): Refusal {
  return refusal('remap table failure');
}

function refusal(message: string): Refusal {
  return new Refusal('forbidden', message);
}
