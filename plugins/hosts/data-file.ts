/**
 * Hosts and groups from a file: JSON and YAML say what a config says, CSV is a table. Every mistake with its place.
 */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { failed, type Read } from './read.ts';

/** @param file absolute; it makes a text an inventory by its ending */
export async function readDataFile(file: string): Promise<Read> {
  const load = formats[extname(file).toLowerCase()];
  if (load === undefined) return failed(file, 'is of no known kind', `endings are: ${Object.keys(formats).join(', ')}`);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? failed(file, 'no such file', 'is the path right? it starts at the config') : failed(file, message);
  }
  try {
    const parse = await load();
    return parse(file, new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TypeError) return failed(file, 'is not in UTF-8', 'save it as UTF-8');
    throw error;
  }
}

type Parse = (file: string, text: string) => Read;

const yaml = async (): Promise<Parse> => (await import('./yaml.ts')).yamlInventory;
const csv = async (): Promise<Parse> => (await import('./csv.ts')).csvInventory;

/** YAML holds JSON. Readers are loaded when there is something to read: their libraries take ten megabytes. */
const formats: Readonly<Record<string, () => Promise<Parse>>> = { '.json': yaml, '.yaml': yaml, '.yml': yaml, '.csv': csv };
