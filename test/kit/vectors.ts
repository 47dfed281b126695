/** The requests that real clients sent, as they were recorded: see `test/data/vectors.txt`. */
import { readFileSync } from 'node:fs';
import type { Option } from '../../src/tftp/protocol/packet.ts';
import { hex } from './hex.ts';

export interface Vector {
  readonly client: string;
  readonly kind: 'RRQ' | 'WRQ';
  readonly name: string;
  readonly mode: string;
  readonly options: readonly Option[];
  readonly bytes: Uint8Array;
}

export function readVectors(): Vector[] {
  const text = readFileSync(new URL('../data/vectors.txt', import.meta.url), 'utf8');
  return text.trimEnd().split('\n').map(parse);
}

/** `client RRQ "name" mode [option=value …] hex` */
function parse(line: string): Vector {
  const match = /^(\S+)\s+(RRQ|WRQ) "([^"]*)" (\S+) \[([^\]]*)\] ([0-9a-f]+)$/.exec(line);
  if (!match) throw new Error(`not a vector: ${line}`);
  const [client, kind, name, mode, options, digits] = match.slice(1) as [string, Vector['kind'], string, string, string, string];
  return {
    client,
    kind,
    name,
    mode,
    options: options.split(' ').filter(Boolean).map(parseOption),
    bytes: hex(digits),
  };
}

function parseOption(text: string): Option {
  const at = text.indexOf('=');
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}
