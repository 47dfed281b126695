/**
 * Finds the location of a key in the text of a config.
 */
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { isMap, LineCounter, type Pair, parseDocument, type Scalar } from 'yaml';
import type { Place } from '../base/issue.ts';
import { placeOfJsonKey, placeOfKey, type TextPlace } from './source.ts';

/** Strips types from a program without moving the rest. */
export type StripTypes = (source: string) => string;

/** @returns `undefined` for a key that is not literally in the file: it is computed, spread or imported */
export function keyPlace(file: string, path: readonly PropertyKey[], stripTypes: StripTypes): Place | undefined {
  const found = find(file, path.map(String), stripTypes);
  return found && { file, ...found };
}

function find(file: string, path: readonly string[], stripTypes: StripTypes): TextPlace | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const extension = extname(file);
    if (basename(file) === 'package.json') return placeOfJsonKey(text, ['pxe', ...path]);
    if (extension === '.json') return placeOfJsonKey(text, path);
    return /^\.ya?ml$/.test(extension) ? placeOfYamlKey(text, path) : placeOfKey(stripTypes(text), path);
  } catch {
    // Unreadable or invalid files are reported elsewhere.
    return undefined;
  }
}

function placeOfYamlKey(text: string, path: readonly string[]): TextPlace | undefined {
  const lineCounter = new LineCounter();
  let node: unknown = parseDocument(text, { lineCounter }).contents;
  let pair: Pair | undefined;
  for (const name of path) {
    pair = isMap(node) ? node.items.find(({ key }) => String((key as Scalar).value) === name) : undefined;
    node = pair?.value;
  }
  const offset = (pair?.key as Scalar | undefined)?.range?.[0];
  if (offset === undefined) return undefined;
  const { line, col } = lineCounter.linePos(offset);
  return { line, column: col };
}
