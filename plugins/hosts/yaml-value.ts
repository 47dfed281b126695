/**
 * Converts a YAML document to plain values: keys as written in the file, `<<` merged, aliases resolved. The library's own
 * conversion turns keys into numbers, searches the whole document for each alias, and reports mistakes without their place.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml';

/** A mistake and its offset. */
export interface Mistake {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

export interface YamlValue {
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
}

/** Maximum values of a document with its aliases expanded; an inventory of 100,000 hosts has a few million. */
const MAX_VALUES = 10_000_000;

export function readValue({ contents }: Document): YamlValue {
  const mistakes: Mistake[] = [];
  const value = contents === null ? null : new Reader(mistakes).read(contents as Node).value;
  return { value, mistakes };
}

/** A key as written in the file: `0123` is not 123. */
export function keyText(key: unknown): string {
  if (!isScalar(key)) return String(key);
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
}

/** `<<`, which merges the keys of other maps. In quotes it is an ordinary key. */
export function isMerge(key: unknown): boolean {
  return isScalar(key) && key.source === '<<' && (key.type === undefined || key.type === 'PLAIN');
}

interface Made {
  readonly value: unknown;
  /** Number of values in a node, itself included, with aliases expanded. */
  readonly size: number;
}

const nothing: Made = { value: undefined, size: 1 };

class Reader {
  readonly #mistakes: Mistake[];
  readonly #anchors = new Map<string, Made>();

  constructor(mistakes: Mistake[]) {
    this.#mistakes = mistakes;
  }

  read(node: unknown): Made {
    const made = this.#make(node);
    const { anchor } = (node ?? {}) as { anchor?: string };
    if (anchor !== undefined && !isAlias(node)) this.#anchors.set(anchor, made);
    return made;
  }

  #make(node: unknown): Made {
    if (isScalar(node)) return { value: node.value, size: 1 };
    if (isAlias(node)) {
      const made = this.#anchors.get(node.source);
      return made ?? this.#mistake(node, `there is no anchor &${node.source} above`, 'an alias must come after its anchor');
    }
    if (isSeq(node)) {
      const made = node.items.map((item) => this.read(item));
      return this.#sized(
        node,
        made.map(({ value }) => value),
        made,
      );
    }
    if (isMap(node)) return this.#map(node);
    return { value: null, size: 1 };
  }

  #map(map: YAMLMap): Made {
    const own = new Map<string, unknown>();
    const parts: Made[] = [];
    const merged: unknown[] = [];
    for (const pair of map.items) {
      const made = this.read(pair.value);
      parts.push(made);
      if (isMerge(pair.key)) {
        merged.push(...this.#sources(pair, made));
        continue;
      }
      const key = keyText(pair.key);
      if (own.has(key)) this.#mistake(pair.key as Scalar, `key ${JSON.stringify(key)} appears twice`, 'merge the two');
      own.set(key, made.value);
    }
    // The map's own keys take precedence, then the merged maps in their order.
    for (const source of merged)
      for (const [key, value] of Object.entries(source as object)) if (!own.has(key)) own.set(key, value);
    return this.#sized(map, Object.fromEntries(own), parts);
  }

  #sources(pair: Pair, { value }: Made): readonly unknown[] {
    const sources = [value].flat();
    const isSource = (source: unknown) => typeof source === 'object' && source !== null && !Array.isArray(source);
    if (sources.every(isSource)) return sources;
    this.#mistake(pair.key as Scalar, '<< must be a map, or a list of maps', 'as in <<: *web');
    return [];
  }

  #sized(node: Node, value: unknown, parts: readonly Made[]): Made {
    const size = parts.reduce((sum, part) => sum + part.size, 1);
    if (size > MAX_VALUES) return this.#mistake(node, 'nested aliases make this too large', 'write some of them out');
    return { value, size };
  }

  #mistake(node: Node, message: string, hint: string): Made {
    this.#mistakes.push({ offset: node.range?.[0] ?? 0, message, hint });
    return nothing;
  }
}
