/**
 * Which files a machine gets, by its MAC address or its IP address. It maps names to names under the root; it does not know how
 * a MAC address was found out, and it opens nothing that the root would not.
 *
 * All entries that a machine matches are asked, the narrowest first: its MAC address, its address, MAC patterns by the number
 * of octets given, networks by the length of their prefix, `default`; among equals, the first listed. The first entry that has
 * an answer ends the search; when none has, the root directory serves the name as it is.
 *
 * Lease files and map files are to find their place beside this plugin, not in it.
 */
import { type Client, cleanName, definePlugin, type Hooks, type MacPattern, parseMac, parseMacPattern, TftpError } from 'pxe';
import { z } from 'zod';
import { type Network, parseAddress, parseNetwork } from './address.ts';

const name = z.string().refine(isName, 'expected the name of a file or folder under the root, without ..');

const host = z.strictObject({
  files: z.record(name, name).optional(),
  folder: name.optional(),
});

const selector = z
  .string()
  .refine(
    (key) => parseSelector(key) !== undefined,
    'expected a MAC address (52:54:00:12:34:56), a MAC pattern (52:54:00:*), an IP address, a network (192.168.7.0/24) or default',
  );

/** What one machine, or one kind of machine, gets. */
export interface Host {
  /**
   * A whole name asked for → a file under the root. Ends the search: if that file is missing, so is the name asked for.
   * A key may hold `*` (any characters but `/`), `**` (any characters) and `?` (one character); exact keys go first.
   */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** A folder under the root that is searched for the name; what it lacks is looked for further on. */
  readonly folder?: string | undefined;
}

export const hosts = definePlugin({
  name: 'hosts',
  options: z.record(selector, host) as z.ZodType<Readonly<Record<string, Host>>, Readonly<Record<string, Host>>>,
  setup: (options): Hooks => {
    const find = index(options);
    return {
      async open(request, { root }) {
        for (const entry of find(request.client)) {
          const target = entry.target(request.name);
          if (target !== undefined) return target;
          if (entry.folder === undefined) continue;
          const content = await root.open(`${entry.folder}/${request.name}`);
          if (content) return content;
        }
        return undefined;
      },
    };
  },
});

type Selector =
  | { readonly kind: 'mac'; readonly mac: string }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'pattern'; readonly pattern: MacPattern }
  | { readonly kind: 'network'; readonly network: Network }
  | { readonly kind: 'default' };

function parseSelector(key: string): Selector | undefined {
  if (key === 'default') return { kind: 'default' };
  const mac = parseMac(key);
  if (mac !== undefined) return { kind: 'mac', mac };
  const address = parseAddress(key);
  if (address) return { kind: 'address', address: address.text };
  const pattern = parseMacPattern(key);
  if (pattern) return { kind: 'pattern', pattern };
  const network = parseNetwork(key);
  return network && { kind: 'network', network };
}

interface Entry {
  /** Cleaned. */
  readonly folder: string | undefined;
  /** The file that `files` names for a cleaned name. */
  target(name: string): string | undefined;
}

/** Exact MAC and IP addresses are found without looking at any other entry. */
function index(options: Readonly<Record<string, Host>>): (client: Client) => Iterable<Entry> {
  const macs = new Map<string, Entry[]>();
  const addresses = new Map<string, Entry[]>();
  const patterns: { readonly pattern: MacPattern; readonly entry: Entry }[] = [];
  const networks: { readonly network: Network; readonly entry: Entry }[] = [];
  const fallback: Entry[] = [];
  for (const [key, value] of Object.entries(options)) {
    const entry = makeEntry(value);
    const parsed = parseSelector(key)!;
    switch (parsed.kind) {
      case 'mac':
        append(macs, parsed.mac, entry);
        break;
      case 'address':
        append(addresses, parsed.address, entry);
        break;
      case 'pattern':
        patterns.push({ pattern: parsed.pattern, entry });
        break;
      case 'network':
        networks.push({ network: parsed.network, entry });
        break;
      case 'default':
        fallback.push(entry);
        break;
    }
  }
  // Sorting is stable: the first listed stays first among equals.
  patterns.sort((a, b) => b.pattern.octets - a.pattern.octets);
  networks.sort((a, b) => b.network.bits - a.network.bits);
  return function* ({ mac, address: written }) {
    const address = parseAddress(written);
    if (mac !== undefined) yield* macs.get(mac) ?? [];
    if (address) yield* addresses.get(address.text) ?? [];
    if (mac !== undefined) for (const { pattern, entry } of patterns) if (pattern.matches(mac)) yield entry;
    if (address) for (const { network, entry } of networks) if (network.contains(address)) yield entry;
    yield* fallback;
  };
}

function append(map: Map<string, Entry[]>, key: string, entry: Entry): void {
  const entries = map.get(key);
  if (entries) entries.push(entry);
  else map.set(key, [entry]);
}

function makeEntry({ files = {}, folder }: Host): Entry {
  const exact = new Map<string, string>();
  const globs: { readonly regExp: RegExp; readonly target: string }[] = [];
  for (const [key, target] of Object.entries(files)) {
    const cleaned = cleanName(key, 'any');
    if (/[*?]/.test(cleaned)) globs.push({ regExp: globRegExp(cleaned), target });
    else if (!exact.has(cleaned)) exact.set(cleaned, target);
  }
  return {
    folder: folder === undefined ? undefined : cleanName(folder),
    target: (asked) => exact.get(asked) ?? globs.find(({ regExp }) => regExp.test(asked))?.target,
  };
}

function globRegExp(glob: string): RegExp {
  const parts: Record<string, string> = { '**': '.*', '*': '[^/]*', '?': '[^/]' };
  return new RegExp(`^${glob.replace(/\*\*|[*?]|[\\^$.+()[\]{}|]/g, (found) => parts[found] ?? `\\${found}`)}$`);
}

/** On no platform's account: the keys of `files` may hold wildcards. */
function isName(written: string): boolean {
  try {
    cleanName(written, 'any');
    return true;
  } catch (error) {
    if (error instanceof TftpError) return false;
    throw error;
  }
}
