/**
 * Finds duplicate keys in an object of a config: JavaScript and JSON silently use the later one.
 */
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { type DuplicateKey, duplicateJsonKeys, duplicateKeys } from '../config/source.ts';
import type { Finding } from '../plugin/types.ts';
import { stripTypes } from './strip-types.ts';

/** @param files the files of the config; only programs and JSON are checked: YAML rejects duplicate keys itself */
export function duplicateFindings(files: readonly string[]): readonly Finding[] {
  return files.flatMap((file) =>
    duplicatesOf(file).map(({ key, line, firstLine }) => ({
      severity: 'error' as const,
      path: [],
      file,
      line,
      message: `${JSON.stringify(key)} appears twice in one object: its value on line ${firstLine} is ignored; keep one`,
    })),
  );
}

function duplicatesOf(file: string): readonly DuplicateKey[] {
  const extension = extname(file);
  const isJson = extension === '.json' && basename(file) !== 'package.json';
  if (!isJson && !/^\.m?[jt]s$/.test(extension)) return [];
  try {
    const source = readFileSync(file, 'utf8');
    return isJson ? duplicateJsonKeys(source) : duplicateKeys(stripTypes(source));
  } catch {
    // The file is missing or invalid; loading the config reports that.
    return [];
  }
}
