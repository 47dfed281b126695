/**
 * Hosts and groups from YAML or JSON text: `{ hosts, groups }`, or the hosts alone.
 */
import { checkInput, type Issue, type Place } from 'pxe';
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Locate, listGroups, listHosts, listRows } from './inventory.ts';
import { dataSchema } from './options.ts';
import { failed, type Read } from './read.ts';

export function yamlInventory(file: string, text: string): Read {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const [error] = document.errors;
  if (error) {
    const { line, column } = placeAt(error.pos[0]);
    return failed(file, error.message.charAt(0).toLowerCase() + error.message.slice(1), undefined, line, column);
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
  const locate: Locate = (path) => placeAt(offsetOf(document, long ? path : path.slice(1)));
  const { value, issues } = checkInput(dataSchema as z.ZodType<z.output<typeof dataSchema>>, long ? written : { hosts: written });
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

/** An issue's path as the file has it. */
function placed(issue: Issue, locate: Locate, prefix: readonly string[]): Issue {
  return { ...issue, path: issue.path.slice(prefix.length), place: locate(issue.path) };
}

/** Where a key, or an element of a list, begins; of a path that leads nowhere, its last part that does. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = (node as Node | null)?.range?.[0] ?? 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((one) => isScalar(one.key) && String(one.key.value) === String(key));
      offset = (pair?.key as Node | undefined)?.range?.[0] ?? offset;
      node = pair?.value;
    } else {
      node = document.contents === node || node ? (node as { items?: unknown[] }).items?.[Number(key)] : undefined;
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    }
  }
  return offset;
}
