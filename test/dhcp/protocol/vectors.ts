/** Requests as real firmware sent them: `test/data/dhcp-vectors.txt`. */
import { readFileSync } from 'node:fs';

export interface DhcpVector {
  /** Unique: the file has some names twice. */
  readonly name: string;
  /** Option numbers in the order sent. */
  readonly order: readonly number[];
  readonly port: 67 | 4011;
  readonly bytes: Uint8Array;
}

export const dhcpVectors: readonly DhcpVector[] = read();

function read(): DhcpVector[] {
  const text = readFileSync(new URL('../../data/dhcp-vectors.txt', import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const [name, where, hex] = line.split(' | ') as [string, string, string];
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    const order = /options ([\d ]+)$/.exec(where)![1]!.split(' ').map(Number);
    const port = where.includes(':4011,') ? 4011 : 67;
    return { name: count === 1 ? name : `${name}#${count}`, order, port, bytes: Buffer.from(hex, 'hex') };
  });
}
