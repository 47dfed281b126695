/**
 * Hosts from a table: a header that names the columns, then a machine a line. An empty cell says nothing.
 *
 * Columns: `mac`, `address`, `uuid`, `serial`, `match` say which machine; `name`, `folder`; `groups`, parted by spaces, `;` or
 * `|`; `file:bootloader.efi` is the file that is served for that name; every other one is a variable, `var.` before its name or not.
 */

import { CsvError, parse } from 'csv-parse/sync';
import { checkInput, type Issue, nearest } from 'pxe';
import { listRows } from './inventory.ts';
import { type HostRow, rowKeys, rowSchema, selectorKeys } from './options.ts';
import { failed, type Read } from './read.ts';

interface Line {
  readonly cells: readonly string[];
  /** From 1. */
  readonly line: number;
}

export function csvInventory(file: string, text: string): Read {
  let lines: readonly Line[];
  try {
    lines = readLines(text);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return failed(file, messageOf(error), undefined, Number(error.lines ?? 1));
  }
  const [header, ...records] = lines;
  if (header === undefined) return failed(file, 'is empty', 'its first line names the columns: mac,name,groups,folder');
  const columns = header.cells.map(readColumn);
  const issues: Issue[] = headerIssues(header).map((issue) => ({ ...issue, place: { file, line: header.line } }));
  // Then every row would be wrong, and for no other reason.
  if (!columns.some(saysWhich)) return { inventory: { hosts: [], groups: [] }, issues };
  const rows: HostRow[] = [];
  const places: number[] = [];
  for (const { cells, line } of records) {
    const place = { file, line };
    if (cells.length !== columns.length) {
      const message = `expected ${columns.length} columns as in line ${header.line}, found ${cells.length}`;
      issues.push({ path: [], place, message, hint: 'a comma within a cell? put the cell in quotes: "a, b"' });
      continue;
    }
    const { value, issues: wrong } = checkInput(rowSchema, readRow(cells, columns));
    if (wrong) issues.push(...wrong.map((issue) => inColumn(issue, header.cells, columns, place)));
    else {
      rows.push(value);
      places.push(line);
    }
  }
  const hosts = listRows(rows, [], ([index]) => ({ file, line: places[Number(index)]! })).map((host) => ({ ...host, path: [] }));
  return { inventory: { hosts, groups: [] }, issues };
}

/** Throws a `CsvError`. */
function readLines(input: string): readonly Line[] {
  // Where ends of lines are mixed, the library takes the first for all, and counts the others twice or not at all.
  const text = input.replace(/\r\n?/g, '\n');
  const [first = ''] = /^(?!#)[^\n]*\S/m.exec(text.replace(/^\ufeff/, '')) ?? [];
  const delimiter = first.includes(',') ? ',' : (/[;\t]/.exec(first)?.[0] ?? ',');
  const options = {
    bom: true,
    record_delimiter: '\n',
    trim: true,
    skip_empty_lines: true,
    comment: '#',
    comment_no_infix: true,
    relax_column_count: true,
  };
  const parsed = parse(text, { ...options, delimiter, info: true }) as unknown as readonly {
    readonly record: readonly string[];
    readonly info: { readonly lines: number };
  }[];
  // A record is counted where it ends.
  return parsed.map(({ record, info }) => ({ cells: record, line: info.lines - (record.join().match(/\n/g)?.length ?? 0) }));
}

/** Where a cell goes: a key of the row, or a key of its `files` or `variables`. */
type Column = readonly [key: keyof HostRow] | readonly [key: 'files' | 'variables', name: string];

function readColumn(header: string): Column {
  const [, file] = /^file:(.+)$/i.exec(header) ?? [];
  if (file !== undefined) return ['files', file];
  const key = header.toLowerCase();
  if (columnKeys.includes(key)) return [key as keyof HostRow];
  return ['variables', header.replace(/^var\./i, '')];
}

const columnKeys = rowKeys.filter((key) => key !== 'files' && key !== 'variables');

function saysWhich([key]: Column): boolean {
  return (selectorKeys as readonly string[]).includes(key);
}

function headerIssues({ cells }: Line): Issue[] {
  const issues: Issue[] = [];
  const columns = cells.map(readColumn);
  for (const [index, header] of cells.entries()) {
    if (header === '') issues.push({ path: [], message: `column ${index + 1} has no name`, hint: 'name it in the first line' });
    const [key, name] = columns[index]!;
    const earlier = columns.findIndex((other) => other[0] === key && other[1] === name);
    if (earlier < index)
      issues.push({ path: [], message: `column ${JSON.stringify(header)} is there twice`, hint: 'take one of them out' });
    // Short words are near to any other short one.
    const near =
      key === 'variables' && header.length > 4 && !/^var\./i.test(header)
        ? nearest(
            header,
            columnKeys.filter((known) => known.length > 4),
          )
        : undefined;
    if (near !== undefined)
      issues.push({
        path: [],
        message: `column ${JSON.stringify(header)} is none that is known`,
        hint: `did you mean ${JSON.stringify(near)}? a variable of that name is "var.${header}"`,
      });
  }
  if (!columns.some(saysWhich)) {
    issues.push({
      path: [],
      message: 'no column says which machine',
      hint: `the first line names the columns, one of them ${selectorKeys.join(', ')}`,
    });
  }
  return issues;
}

function readRow(cells: readonly string[], columns: readonly Column[]): unknown {
  const row: Record<string, unknown> = {};
  const nested = { files: new Map<string, string>(), variables: new Map<string, string>() };
  for (const [index, [key, name]] of columns.entries()) {
    const cell = cells[index]!;
    if (cell === '') continue;
    if (name !== undefined) nested[key as keyof typeof nested].set(name, cell);
    else row[key] = key === 'groups' ? cell.split(/[\s;|]+/).filter((group) => group !== '') : cell;
  }
  for (const [key, map] of Object.entries(nested)) if (map.size > 0) row[key] = Object.fromEntries(map);
  return row;
}

function inColumn(issue: Issue, header: readonly string[], columns: readonly Column[], place: Issue['place']): Issue {
  const [key, name] = issue.path;
  const index = columns.findIndex((column) => column[0] === key && (column[1] === undefined || column[1] === name));
  const where = index < 0 ? '' : `column ${JSON.stringify(header[index])}: `;
  return { ...issue, path: [], place, message: `${where}${issue.message}` };
}

function messageOf(error: CsvError): string {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote is opened and never closed';
  if (error.code === 'INVALID_OPENING_QUOTE')
    return 'a quote stands within a cell; put the whole cell in quotes, and double the quotes in it';
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}
