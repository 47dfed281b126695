/**
 * Reads hosts and groups from YAML or JSON text: `{ hosts, groups }`, or the hosts alone. Several documents count as several
 * files.
 */
import type { Issue, Place } from 'pxe';
import { checkInput } from 'pxe/kit';
import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseAllDocuments, visit } from 'yaml';
import { type Inventory, type Locate, listGroups, listHosts, listRows } from './inventory.ts';
import { dataSchema } from './options.ts';
import { failed, notRead, type Read } from './read.ts';
import { isMerge, keyText, readValue } from './yaml-value.ts';

export function yamlInventory(file: string, text: string): Read {
  const lines = new LineCounter();
  // The library's check would compare each key with every other key of its map.
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const documents = 'empty' in parsed ? [] : (parsed as readonly Document[]);
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const read = documents.flatMap((document) => readDocument(document, placeAt) ?? []);
  if (read.length === 0) return failed(file, 'is empty', 'remove it from `file`, or write `hosts: {}`');
  return {
    inventory: {
      hosts: read.flatMap(({ inventory }) => inventory.hosts),
      groups: read.flatMap(({ inventory }) => inventory.groups),
    },
    issues: read.flatMap(({ issues }) => issues),
    warnings: read.flatMap(({ warnings }) => warnings),
  };
}

/** `undefined` for an empty document, as after a final `---`. */
function readDocument(document: Document, placeAt: (offset: number) => Place): Read | undefined {
  const [error] = document.errors;
  if (error) {
    const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
    return notRead([{ path: [], place: placeAt(error.pos[0]), message }]);
  }
  const { value: written, mistakes } = readValue(document);
  if (mistakes.length > 0)
    return notRead(mistakes.map(({ offset, ...issue }) => ({ path: [], place: placeAt(offset), ...issue })));
  if (written === null || written === undefined) return undefined;
  const long = typeof written === 'object' && !Array.isArray(written) && ('hosts' in written || 'groups' in written);
  const prefix = long ? [] : ['hosts'];
  const find = finder(document);
  const locate: Locate = (path) => placeAt(find(long ? path : path.slice(1)).offset);
  const { value, issues } = checkInput(dataSchema, long ? written : { hosts: written });
  if (issues)
    return notRead(
      issues.map((issue) => {
        const path = issue.path.slice(prefix.length);
        const { offset, node } = find(path);
        return { ...asWritten(issue, node), path, place: placeAt(offset) };
      }),
    );
  return {
    inventory: inventoryOf(value, locate),
    issues: [],
    warnings: [
      ...document.warnings.map(({ message, pos }) => ({ path: [], place: placeAt(pos[0]), message })),
      ...changedNumbers(document, placeAt),
    ],
  };
}

function inventoryOf({ hosts = {}, groups = {} }: NonNullable<typeof dataSchema._output>, locate: Locate): Inventory {
  return {
    hosts: Array.isArray(hosts) ? listRows(hosts, ['hosts'], locate) : listHosts(hosts as never, ['hosts'], locate),
    groups: listGroups(groups, ['groups'], locate),
  };
}

/** Adds the text of the file to an issue if YAML has parsed it as another value: `01234567` is not 1234567. */
function asWritten(issue: Issue, node: unknown): Issue {
  if (!isScalar(node) || typeof node.value === 'string' || node.source === undefined) return issue;
  const { source } = node;
  if (!issue.message.startsWith('expected a string, found ')) return issue;
  return { ...issue, message: `expected a string, found ${source}`, hint: `write it in quotes: ${JSON.stringify(source)}` };
}

/** Finds variables that YAML parses as numbers and that print differently: `version: 1.10` becomes 1.1. */
function changedNumbers(document: Document, placeAt: (offset: number) => Place): Issue[] {
  const found: Issue[] = [];
  visit(document, {
    Scalar(at, { value, source, range }, ancestors) {
      if (at === 'key' || source === undefined || typeof value === 'string' || value === null || source === String(value)) return;
      const isVariable = ancestors.some((node) => isPair(node) && keyText(node.key) === 'variables');
      if (!isVariable || /^(true|false|[+-]?\.(inf|nan))$/i.test(source)) return;
      const name = keyText((ancestors.findLast(isPair) as { readonly key: unknown }).key);
      found.push({
        path: [],
        place: placeAt(range?.[0] ?? 0),
        message: `variable ${JSON.stringify(name)}: ${source} is read as ${value instanceof Date ? 'a date' : String(value)} here`,
        hint: `put it in quotes to keep it as written: ${JSON.stringify(source)}`,
      });
    },
  });
  return found;
}

interface LocatedNode {
  readonly offset: number;
  readonly node: unknown;
}

/** Finds the place of a key or a list element and of its value; if the path does not exist, that of its longest existing part. */
function finder(document: Document): (path: readonly PropertyKey[]) => LocatedNode {
  const indexes = new Map<unknown, ReadonlyMap<string, { readonly offset: number | undefined; readonly value: unknown }>>();
  const childrenOf = (written: unknown) => {
    const node = isAlias(written) ? written.resolve(document) : written;
    const known = indexes.get(node);
    if (known) return known;
    const children = new Map<string, { readonly offset: number | undefined; readonly value: unknown }>();
    if (isMap(node)) {
      for (const { key, value } of node.items)
        if (isScalar(key) && !isMerge(key)) children.set(keyText(key), { offset: key.range?.[0], value });
    } else if (isSeq(node)) {
      for (const [index, value] of node.items.entries())
        children.set(String(index), { offset: isNode(value) ? value.range?.[0] : undefined, value });
    }
    indexes.set(node, children);
    return children;
  };
  return (path) => {
    let node: unknown = document.contents;
    let offset = document.contents?.range?.[0] ?? 0;
    for (const key of path) {
      const child = childrenOf(node).get(String(key));
      offset = child?.offset ?? offset;
      node = child?.value;
    }
    return { offset, node };
  };
}
