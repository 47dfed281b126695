/**
 * Reads hosts and groups from a file: JSON and YAML have the shape of the config, CSV is a table. Every mistake is reported with
 * its place.
 */
import { extname } from 'node:path';
import { readRegularFile } from '../lib/regular-file.ts';
import type { Columns } from './options.ts';
import { failed, notRead, type Read } from './read.ts';

/**
 * @param file absolute; its extension determines the format
 * @param columns the meaning of a table's headers
 */
export async function readDataFile(file: string, columns: Columns = {}): Promise<Read> {
  const load = formats[extname(file).toLowerCase()];
  if (load === undefined) return unusable(file, 'has an unknown extension', `extensions are: ${Object.keys(formats).join(', ')}`);
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return unusable(file, 'does not exist', 'is the path right? it is relative to the config');
    return unusable(file, 'cannot be read', message);
  }
  const text = textOf(bytes);
  if (text === undefined) return failed(file, 'is not in UTF-8', 'save it as UTF-8 (in Excel: "CSV UTF-8")');
  const parse = await load();
  return parse(file, text, columns);
}

/** The whole file is wrong, not one line of it, so the place is the line of the config that names it. */
function unusable(file: string, what: string, hint: string): Read {
  return notRead([{ path: [], message: `${file} ${what}`, hint }]);
}

/** UTF-8, or UTF-16 as its byte order mark says (Excel's "Unicode Text"); `undefined` for anything else. */
function textOf(bytes: Uint8Array): string | undefined {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

type Parse = (file: string, text: string, columns: Columns) => Read;

const yaml = async (): Promise<Parse> => (await import('./yaml.ts')).yamlInventory;
const csv = async (): Promise<Parse> => (await import('./csv.ts')).csvInventory;

/** YAML holds JSON. Readers are loaded on first use: their libraries take ten megabytes. */
const formats: Readonly<Record<string, () => Promise<Parse>>> = {
  '.json': yaml,
  '.yaml': yaml,
  '.yml': yaml,
  '.csv': csv,
  '.tsv': csv,
};
