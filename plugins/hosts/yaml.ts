/**
 * Hosts and groups from YAML or JSON text: `{ hosts, groups }`, or the hosts alone.
 */
import { checkInput, type Issue, type Place } from 'pxe';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Scalar, visit } from 'yaml';
import { type Locate, listGroups, listHosts, listRows } from './inventory.ts';
import { dataSchema } from './options.ts';
import { failed, type Read } from './read.ts';

export function yamlInventory(file: string, text: string): Read {
  const lines = new LineCounter();
  // The library would compare each key with every other one of its map.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const [error] = document.errors;
  if (error) {
    const { line, column } = placeAt(error.pos[0]);
    return failed(file, error.message.charAt(0).toLowerCase() + error.message.slice(1), undefined, line, column);
  }
  const twice = repeatedKey(document);
  if (twice) {
    const { line, column } = placeAt(twice.range?.[0] ?? 0);
    return failed(file, `key ${JSON.stringify(twice.value)} is there twice`, 'make one of both', line, column);
  }
  let written: unknown;
  try {
    written = document.toJS();
  } catch (thrown) {
    // Aliases of aliases, to a size that no inventory has.
    return failed(file, thrown instanceof Error ? thrown.message : String(thrown));
  }
  if (written === null || written === undefined) return failed(file, 'is empty', 'take it out of `file`, or write `hosts: {}`');
  const long = typeof written === 'object' && !Array.isArray(written) && ('hosts' in written || 'groups' in written);
  const prefix = long ? [] : ['hosts'];
  const offsetOf = offsetsOf(document);
  const locate: Locate = (path) => placeAt(offsetOf(long ? path : path.slice(1)));
  const { value, issues } = checkInput(dataSchema, long ? written : { hosts: written });
  if (issues) return { inventory: { hosts: [], groups: [] }, issues: issues.map((issue) => placed(issue, locate, prefix)) };
  const { hosts = {}, groups = {} } = value;
  return {
    inventory: {
      hosts: Array.isArray(hosts) ? listRows(hosts, ['hosts'], locate) : listHosts(hosts as never, ['hosts'], locate),
      groups: listGroups(groups, ['groups'], locate),
    },
    issues: [],
  };
}

function repeatedKey(document: Document): Scalar | undefined {
  let found: Scalar | undefined;
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) found = key;
        if (found) return visit.BREAK;
        seen.add(key.value);
      }
      return undefined;
    },
  });
  return found;
}

/** An issue's path as the file has it. */
function placed(issue: Issue, locate: Locate, prefix: readonly string[]): Issue {
  return { ...issue, path: issue.path.slice(prefix.length), place: locate(issue.path) };
}

/** Finds where a key, or an element of a list, begins; of a path that leads nowhere, its last part that does. */
function offsetsOf(document: Document): (path: readonly PropertyKey[]) => number {
  const indexes = new Map<unknown, ReadonlyMap<string, { readonly offset: number | undefined; readonly value: unknown }>>();
  const childrenOf = (node: unknown) => {
    const known = indexes.get(node);
    if (known) return known;
    const children = new Map<string, { readonly offset: number | undefined; readonly value: unknown }>();
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (isScalar(key)) children.set(String(key.value), { offset: key.range?.[0], value });
      }
    } else if (isSeq(node)) {
      for (const [index, value] of node.items.entries()) {
        children.set(String(index), { offset: isNode(value) ? value.range?.[0] : undefined, value });
      }
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
    return offset;
  };
}
