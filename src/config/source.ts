/**
 * Parses the text of a config, for facts that its value does not contain. It runs no code.
 */
import { type AnyNode, type Expression, type Options, type Property, parse, parseExpressionAt, type SpreadElement } from 'acorn';

/** One-based. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** A duplicate key: the first value is lost. */
export interface DuplicateKey extends TextPlace {
  readonly key: string;
  readonly firstLine: number;
}

const options: Options = { ecmaVersion: 'latest', sourceType: 'module', locations: true, allowHashBang: true };

/** @param source JavaScript without types. Finds nothing in invalid source, which is reported elsewhere. */
export function duplicateKeys(source: string): readonly DuplicateKey[] {
  return tried(() => within(parse(source, options))) ?? [];
}

export function duplicateJsonKeys(source: string): readonly DuplicateKey[] {
  return tried(() => within(parseExpressionAt(source, 0, options))) ?? [];
}

/**
 * The place of a key of the default export, which may be an object, the argument of a function such as `defineConfig`, or a
 * constant.
 * @param source JavaScript, types stripped
 */
export function placeOfKey(source: string, path: readonly string[]): TextPlace | undefined {
  const { body } = parse(source, options);
  const constants = body.flatMap((node) => (node.type === 'VariableDeclaration' ? node.declarations : []));
  const exported = body.find((node) => node.type === 'ExportDefaultDeclaration')?.declaration;
  const constant =
    exported?.type === 'Identifier' && constants.find(({ id }) => id.type === 'Identifier' && id.name === exported.name);
  const value = (constant ? constant.init : exported) ?? undefined;
  return value && placeWithin(value.type === 'CallExpression' ? value.arguments[0] : value, path);
}

export function placeOfJsonKey(source: string, path: readonly string[]): TextPlace | undefined {
  return placeWithin(parseExpressionAt(source, 0, options), path);
}

function placeWithin(node: AnyNode | undefined, [name, ...rest]: readonly string[]): TextPlace | undefined {
  const properties = node?.type === 'ObjectExpression' ? node.properties : [];
  const property = properties.find((one) => one.type === 'Property' && keyOf(one) === name) as Property | undefined;
  if (property === undefined) return undefined;
  const { line, column } = property.loc!.start;
  return rest.length === 0 ? { line, column: column + 1 } : placeWithin(property.value, rest);
}

/** The location of the first JSON syntax error. The text may still be JavaScript: a comma before `]` is valid there. */
export function placeOfJsonFault(source: string): TextPlace | undefined {
  const beyond: Place[] = [];
  const note = (_: unknown, place: Place | undefined) => void (place && beyond.push(place));
  const comment = (_block: boolean, _text: string, _start: number, _end: number, place: Place | undefined) => note(0, place);
  try {
    const value = parseExpressionAt(source, 0, { ...options, onTrailingComma: note, onComment: comment });
    beyond.push(...notJson(value));
    const rest = /\S/.exec(source.slice(value.end));
    if (rest) beyond.push(placeAt(source, value.end + rest.index));
  } catch (error) {
    const { loc } = error as { loc?: Place };
    if (loc === undefined) throw error;
    beyond.push(loc);
  }
  const [first] = beyond.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return first && { line: first.line, column: first.column + 1 };
}

/** From acorn: columns are zero-based. */
interface Place {
  readonly line: number;
  readonly column: number;
}

function placeAt(source: string, offset: number): Place {
  const lines = source.slice(0, offset).split('\n');
  return { line: lines.length, column: lines.at(-1)!.length };
}

function tried<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function* notJson(node: Expression): Generator<Place> {
  switch (node.type) {
    case 'ObjectExpression':
      for (const property of node.properties) {
        if (property.type !== 'Property' || property.kind !== 'init' || !isText(property.key)) yield property.loc!.start;
        else yield* notJson(property.value);
      }
      return;
    case 'ArrayExpression':
      for (const element of node.elements) {
        if (element === null || element.type === 'SpreadElement') yield (element ?? node).loc!.start;
        else yield* notJson(element);
      }
      return;
    case 'UnaryExpression':
      if (node.operator === '-' && isNumber(node.argument)) return;
      break;
    case 'Literal':
      if (isText(node) || isNumber(node) || node.value === null || typeof node.value === 'boolean') return;
      break;
  }
  yield node.loc!.start;
}

const isText = (node: AnyNode): boolean => node.type === 'Literal' && node.raw?.startsWith('"') === true;
const isNumber = (node: AnyNode): boolean =>
  node.type === 'Literal' && /^(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(node.raw ?? '');

/** Visits every object in a piece of source, outermost first. */
function within(node: AnyNode): readonly DuplicateKey[] {
  const found = node.type === 'ObjectExpression' ? duplicatesIn(node.properties) : [];
  const parts = Object.values(node).flat();
  return [...found, ...parts.flatMap((part: unknown) => (isNode(part) ? within(part) : []))];
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

function duplicatesIn(properties: readonly (Property | SpreadElement)[]): DuplicateKey[] {
  const lines = new Map<string, number>();
  return properties.flatMap((property) => {
    const key = property.type === 'Property' && property.kind === 'init' ? keyOf(property) : undefined;
    if (key === undefined) {
      // Overriding a spread value may be intended.
      if (property.type === 'SpreadElement') lines.clear();
      return [];
    }
    const { line, column } = property.loc!.start;
    const firstLine = lines.get(key);
    lines.set(key, line);
    return firstLine === undefined ? [] : [{ key, line, column: column + 1, firstLine }];
  });
}

/** `undefined` for a computed key. */
function keyOf({ computed, key }: Property): string | undefined {
  if (key.type === 'Identifier' && !computed) return key.name;
  return key.type === 'Literal' ? String(key.value) : undefined;
}
