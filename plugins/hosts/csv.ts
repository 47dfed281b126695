/**
 * Reads hosts from a table: a header that names the columns (`columns.ts`), then one line for each machine. Empty cells, rows and
 * columns are ignored; spreadsheets write them where a cell was once used.
 */

import { CsvError, parse } from 'csv-parse/sync';
import type { Issue } from 'pxe';
import { checkInput, parseAddress, parseInterfaceAddress, parseNetwork } from 'pxe/kit';
import { type Column, headerHint, headerIssues, readHeader, saysWhich } from './columns.ts';
import { listRows } from './inventory.ts';
import { type Columns, type HostRow, isRoundedNumber, rowSchema } from './options.ts';
import { failed, type Read } from './read.ts';
import { parseSelector } from './selector.ts';

interface Line {
  readonly cells: readonly string[];
  /** Counts from 1. */
  readonly line: number;
}

/** Lines below the header that are examined if it does not identify a machine. */
const LOOKED_AT = 20;

export function csvInventory(file: string, text: string, mapping: Columns = {}): Read {
  let lines: readonly Line[];
  try {
    lines = readLines(text);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return failed(file, messageOf(error), undefined, Number(error.lines ?? 1));
  }
  const [header, ...records] = lines;
  if (header === undefined) return failed(file, 'is empty', 'its first line must name the columns, as in mac,name,groups,folder');
  const columns = readHeader(header.cells, mapping);
  const issues: Issue[] = headerIssues(columns).map((issue) => ({ ...issue, place: { file, line: header.line } }));
  // Every row would be wrong for this same reason.
  if (!saysWhich(columns)) {
    const hint = headerHint(header, commentsAbove(text, header), records.slice(0, LOOKED_AT));
    issues.push({ path: [], place: { file, line: header.line }, message: 'no column identifies the machine', hint });
    return { inventory: { hosts: [], groups: [] }, issues, warnings: [] };
  }
  const rows: HostRow[] = [];
  const places: number[] = [];
  for (const { cells, line } of records) {
    const place = { file, line };
    const wrong = cellIssues(cells, columns, header.line);
    const checked = wrong.length > 0 ? { issues: wrong } : checkInput(rowSchema, readRow(cells, columns));
    if (checked.issues) issues.push(...checked.issues.map((issue) => ({ ...inColumn(issue, columns), place })));
    else {
      rows.push(checked.value);
      places.push(line);
    }
  }
  const hosts = listRows(rows, [], ([index]) => ({ file, line: places[Number(index)]! })).map((host) => ({ ...host, path: [] }));
  return { inventory: { hosts, groups: [] }, issues, warnings: [], headers: header.cells };
}

/** Returns the rows that are not empty. Throws a `CsvError`. */
function readLines(input: string): readonly Line[] {
  // If line ends are mixed, the library expects the first kind everywhere, and counts the others twice or not at all.
  const unified = input.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  // `sep=`: Excel's line that declares the separator.
  const [preamble = '', said] = /^"?sep=([^"\n])"?[^\n]*/i.exec(unified) ?? [];
  // Tables use ="0012" to keep Excel from turning text into a number.
  const text = unified.slice(preamble.length).replace(/(?<=^|[,;\t|])="([^"\n]*)"(?=[,;\t|]|$)/gm, '"$1"');
  const options = {
    record_delimiter: '\n',
    trim: true,
    skip_empty_lines: true,
    comment: '#',
    comment_no_infix: true,
    relax_column_count: true,
  };
  const parsed = parse(text, { ...options, delimiter: said ?? delimiterOf(text), info: true }) as unknown as readonly {
    readonly record: readonly string[];
    readonly info: { readonly lines: number };
  }[];
  return (
    parsed
      // The library gives a record the line on which it ends.
      .map(({ record, info }) => ({ cells: record.map(cleaned), line: info.lines - (record.join().match(/\n/g)?.length ?? 0) }))
      .filter(({ cells }) => cells.some((cell) => cell !== ''))
  );
}

/** Text copied from web pages and word processors contains no-break spaces. */
function cleaned(cell: string): string {
  return cell
    .replace(/^="(.*)"$/s, '$1')
    .replace(/[\u200b\ufeff]/g, '')
    .trim();
}

/** The separator that is most frequent, outside quotes, in the first line that is not empty. */
function delimiterOf(text: string): string {
  const [first = ''] = /^(?!\s*#)[^\n]*[\p{L}\p{N}][^\n]*/mu.exec(text) ?? [];
  const bare = first.replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t', '|'].map((delimiter) => [delimiter, bare.split(delimiter).length] as const);
  return counts.toSorted((a, b) => b[1] - a[1])[0]![0];
}

/** Comments above the header, which were read as lines of the table. */
function commentsAbove(text: string, header: Line): readonly Line[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n?|\n/, header.line - 1);
  return lines.flatMap((written, index) => {
    const [, rest] = /^\s*#+\s*(.*)$/.exec(written) ?? [];
    if (rest === undefined) return [];
    return [{ cells: rest.split(delimiterOf(rest)).map((cell) => cleaned(cell.replaceAll('"', ''))), line: index + 1 }];
  });
}

/** Reports a row with more or fewer cells than the header, and non-empty cells in a column without a name. */
function cellIssues(cells: readonly string[], columns: readonly Column[], headerLine: number): Issue[] {
  const beyond = cells.slice(columns.length).some((cell) => cell !== '');
  if (beyond || cells.length < columns.length) {
    const message = `expected ${columns.length} columns as on line ${headerLine}, found ${cells.length}`;
    return [{ path: [], message, hint: 'a comma within a cell? put the cell in quotes: "a, b"' }];
  }
  return columns
    .filter(({ header, index }) => header === '' && cells[index] !== '')
    .map(({ index }) => ({
      path: [],
      message: `column ${index + 1} has no name, but contains ${JSON.stringify(cells[index])}`,
      hint: `name it on line ${headerLine}`,
    }));
}

function readRow(cells: readonly string[], columns: readonly Column[]): unknown {
  const row: Record<string, unknown> = {};
  const lists = new Map<string, string[]>();
  const nested = { files: new Map<string, string>(), variables: new Map<string, string>(), boot: new Map<string, unknown>() };
  for (const { index, targets } of columns) {
    const cell = cells[index]!;
    if (cell === '') continue;
    for (const { key, name } of targets) {
      if (key === 'boot') {
        if (!isNothing(cell)) nested.boot.set(name, cell.toLowerCase() === 'false' ? false : cell);
      } else if (name !== undefined) nested[key].set(name, cell);
      else if (key === 'mac' || key === 'address') lists.set(key, [...(lists.get(key) ?? []), ...severalIn(cell, isOf[key])]);
      else if (key === 'groups') row[key] = cell.split(/[\s;|]+/).filter((group) => group !== '');
      else if (!isNothing(cell) || key === 'name') row[key] = cell;
    }
  }
  for (const [key, list] of lists) if (list.length > 0) row[key] = list.length === 1 ? list[0] : list;
  for (const [key, map] of Object.entries(nested)) if (map.size > 0) row[key] = Object.fromEntries(map);
  return row;
}

const isOf = {
  mac: (written: string) => ['mac', 'pattern'].includes(parseSelector(written)?.kind ?? ''),
  address: (written: string) => (parseAddress(written) ?? parseInterfaceAddress(written) ?? parseNetwork(written)) !== undefined,
} as const;

/** The value or values of a cell. Blanks separate values, unless they are between the octets of one. */
function severalIn(cell: string, isOne: (written: string) => boolean): readonly string[] {
  if (isNothing(cell)) return [];
  // The schema reports what is wrong with it.
  if (!/[\s;|,]/.test(cell) || isOne(cell) || isRoundedNumber(cell)) return [cell];
  return cell.split(/[;|,\n]+/).flatMap((part) => {
    const written = part.trim();
    const words = written.split(/\s+/).filter((word) => word !== '');
    return isOne(written) || !words.some(isOne) ? written || [] : words;
  });
}

/** Placeholders that inventories write for a missing value. */
function isNothing(cell: string): boolean {
  return /^([-–—]|n\/a|none|null)$/i.test(cell);
}

/** An issue of a row, with the header of its cell instead of a path. */
function inColumn(issue: Issue, columns: readonly Column[]): Issue {
  const [key, name] = issue.path;
  const column = columns.find(({ targets }) =>
    targets.some((target) => target.key === key && (target.name === undefined || target.name === name)),
  );
  const where = column === undefined ? '' : `column ${JSON.stringify(column.header)}: `;
  return { ...issue, path: [], message: `${where}${issue.message}`, hint: issue.hint ?? numberHint(key, issue.message) };
}

/** `5.254E+11`, `1122334455`: a spreadsheet turns a MAC address or a serial number of digits into a number. */
function numberHint(key: PropertyKey | undefined, message: string): string | undefined {
  const [, found = ''] = /found "([^"]*)"$/.exec(message) ?? [];
  const isNumber =
    (key === 'mac' && (isRoundedNumber(found) || /^\d{6,11}$/.test(found))) || (key === 'serial' && isRoundedNumber(found));
  return isNumber ? 'a spreadsheet has turned it into a number: format the column as text, and enter it again' : undefined;
}

function messageOf(error: CsvError): string {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote is opened and never closed';
  if (error.code === 'INVALID_OPENING_QUOTE')
    return 'there is a quote inside a cell; put the whole cell in quotes, and double the quotes in it';
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}
