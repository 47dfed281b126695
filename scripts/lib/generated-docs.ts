/**
 * What the schema of the config says, as files: the doc comments of its types, the table in the reference, and a JSON Schema. The schema is
 * the only source of keys, defaults and texts, as the table of the stats is of theirs; a test fails where a file is stale.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { general, limits, pluginReference, uploads } from '../../src/config/schema.ts';
import { dhcpSection } from '../../src/dhcp/section.ts';
import { httpSection } from '../../src/http/section.ts';
import { configSchema } from '../../src/server/config-schema.ts';
import { COUNTERS, GAUGES, HISTOGRAMS, PLUGIN_COUNTERS, PLUGIN_HISTOGRAMS } from '../../src/stats/counters.ts';
import { tftpSection } from '../../src/tftp/section.ts';

const REPOSITORY = new URL('../../', import.meta.url);
const COLUMNS = 130;
const MIB = 1024 ** 2;

/** What a key's schema says of it. */
interface Meta {
  readonly description: string;
  /** Further Markdown, for the reference alone. */
  readonly more?: string | undefined;
  /** What stands for a default where there is none. */
  readonly leftOut?: string | undefined;
}

/** Types of one file, by name, and the schemas whose keys they have. */
type Types = Readonly<Record<string, z.ZodObject>>;

const http = httpSection.schema;
const tftp = tftpSection.schema.shape;
const [listenAddress, listenInterface] = tftp.listen.unwrap().element.options;

const TYPES: Readonly<Record<string, Types>> = {
  'src/config/config.ts': {
    Config: general,
    Uploads: uploads,
    Limits: limits,
    LogSettings: general.shape.log.unwrap(),
    PluginReference: pluginReference,
  },
  'src/tftp/config.ts': {
    ConfigSections: z.object({ tftp: tftpSection.schema }),
    TftpConfig: tftpSection.schema,
    TftpLimits: tftp.limits.unwrap(),
    ListenAddress: listenAddress,
    ListenInterface: listenInterface,
    PortRange: tftp.transferPorts.unwrap(),
  },
  'src/http/config.ts': {
    ConfigSections: z.object({ http: httpSection.schema }),
    HttpConfig: http,
    HttpListen: http.shape.listen.unwrap().element,
    HttpsListen: http.shape.tls.unwrap().shape.listen.unwrap().element,
    HttpTls: http.shape.tls.unwrap(),
    HttpLimits: http.shape.limits.unwrap(),
  },
  'src/dhcp/config.ts': {
    ConfigSections: z.object({ dhcp: dhcpSection.schema }),
    DhcpConfig: dhcpSection.schema,
    DhcpPorts: dhcpSection.schema.shape.ports.unwrap(),
    DhcpLimits: dhcpSection.schema.shape.limits.unwrap(),
  },
};

/** Every generated file by its path from the repository's folder, as it should be. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ...Object.entries(TYPES).map(([file, types]) => [file, withComments(read(file), types)] as const),
    ['docs/reference.md', withTables(read('docs/reference.md'))],
    ['docs/pxe.schema.json', jsonSchema()],
  ]);
}

function read(file: string): string {
  return readFileSync(new URL(file, REPOSITORY), 'utf8');
}

function metaOf(schema: z.ZodType): Meta {
  const meta = schema.meta();
  if (meta?.description !== undefined) return meta as unknown as Meta;
  const { innerType } = schema.def as { innerType?: z.ZodType };
  if (innerType === undefined) throw new Error('a key of the config has no description');
  return metaOf(innerType);
}

/** The text of a default, as TypeScript; `undefined` where there is none, or where it stands at the keys within. */
function defaultOf(schema: z.ZodType): string | undefined {
  return schema.def.type === 'default' ? literal((schema as z.ZodDefault).def.defaultValue) : undefined;
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([key, part]) => `${key}: ${literal(part)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function bytesIn(value: string): string {
  const bytes = Number(value);
  return bytes >= MIB && bytes % MIB === 0 ? ` (${bytes / MIB} MiB)` : '';
}

/** Each key's comment is written anew; what else stands in the file stays. */
function withComments(source: string, types: Types): string {
  const schemaOf = (name: string, key: string): z.ZodType => {
    const schema = types[name]?.shape[key];
    if (schema === undefined) throw new Error(`the schema of ${name} has no key ${key}`);
    return schema as z.ZodType;
  };
  return Object.keys(types).reduce(
    (text, name) =>
      text.replace(new RegExp(`(interface ${name}\\b[^{]*\\{\\n)(.*?)(\\n *\\})`, 's'), (_, head, body: string, end) => {
        const members = body.matchAll(/^(?: *\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?( *)(readonly (\w+)[^\n]*)$/gm);
        const lines = Array.from(
          members,
          ([, indent = '', member, key = '']) => `${comment(schemaOf(name, key), indent)}\n${indent}${member}`,
        );
        return `${head}${lines.join('\n')}${end}`;
      }),
    source,
  );
}

function comment(schema: z.ZodType, indent: string): string {
  const { description } = metaOf(schema);
  const value = defaultOf(schema);
  const tag = value === undefined ? [] : [`@default ${value}${bytesIn(value)}`];
  const line = `${indent}/** ${[description, ...tag].join(' ')} */`;
  if (tag.length === 0 && line.length <= COLUMNS) return line;
  const lines = [...wrapped(description, COLUMNS - indent.length - 3), ...tag];
  return [`${indent}/**`, ...lines.map((text) => `${indent} * ${text}`), `${indent} */`].join('\n');
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  // Code in backticks stays together.
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? []) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A row for each key; an object's keys follow it, where it may have any. */
function rowsOf(schema: z.ZodType, path: readonly string[] = []): string[] {
  return Object.entries(keysIn(schema)).flatMap(([name, key]) => {
    const { description, more, leftOut } = metaOf(key);
    const value = defaultOf(key);
    const shown = value === undefined ? (leftOut ?? (isOptional(key) ? '' : 'required')) : `\`${value}\``;
    const text = [description, ...(more === undefined ? [] : [more])].join(' ').replaceAll('|', '\\|');
    return [`| \`${[...path, name].join('.')}\` | ${shown} | ${text} |`, ...rowsOf(key, [...path, name])];
  });
}

function isOptional(schema: z.ZodType): boolean {
  return schema.safeParse(undefined).success;
}

function keysIn(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  const { type, innerType, shape } = schema.def as { type: string; innerType?: z.ZodType; shape?: Record<string, z.ZodType> };
  return innerType ? keysIn(innerType) : type === 'object' && shape && Object.values(shape).every(isDescribed) ? shape : {};
}

function isDescribed(schema: z.ZodType): boolean {
  try {
    return metaOf(schema).description !== '';
  } catch {
    return false;
  }
}

/** The tables of the reference, by the name of their place in it. */
const TABLES = {
  'keys of the config': () => ['| key | default | what it is |', '| --- | --- | --- |', ...rowsOf(configSchema.object)],
  counters: () => metricsTable('counter', COUNTERS),
  gauges: () => metricsTable('gauge', GAUGES),
  histograms: () => metricsTable('histogram', HISTOGRAMS),
  'stats of a plugin': () => metricsTable('of a plugin', { ...PLUGIN_COUNTERS, ...PLUGIN_HISTOGRAMS }),
};

function withTables(page: string): string {
  return Object.entries(TABLES).reduce((text, [name, rows]) => withTable(text, name, rows()), page);
}

function withTable(page: string, name: string, rows: readonly string[]): string {
  const begin = `<!-- The ${name}: written by npm run docs -->`;
  const end = `<!-- End of the ${name} -->`;
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`docs/reference.md lacks ${begin} or ${end}`);
  return `${page.slice(0, before)}${begin}\n\n${rows.join('\n')}\n\n${page.slice(after)}`;
}

function metricsTable(what: string, table: Readonly<Record<string, { readonly unit: string; readonly help: string }>>): string[] {
  const rows = Object.entries(table).map(([name, { unit, help }]) => `| \`${name}\` | ${unit} | ${help} |`);
  return [`| ${what} | unit | what it is |`, '| --- | --- | --- |', ...rows];
}

/** For `$schema` in JSON and YAML. What a key is refined by, it cannot say: the loader checks that. */
function jsonSchema(): string {
  const override = ({ jsonSchema }: { jsonSchema: object }) => strip(jsonSchema);
  const options = { io: 'input', unrepresentable: 'any', override } as const;
  const { properties, ...rest } = z.toJSONSchema(configSchema.object, options);
  const { $schema: _, ...reference } = z.toJSONSchema(pluginReference, options);
  const plugins = { ...(properties?.plugins as object), items: reference };
  const $schema = { type: 'string', description: 'Where this schema is, for an editor. The server does not read it.' };
  return `${JSON.stringify({ ...rest, title: 'pxe', properties: { $schema, ...properties, plugins } }, undefined, 2)}\n`;
}

function strip(schema: { more?: unknown; leftOut?: unknown }): void {
  delete schema.more;
  delete schema.leftOut;
}
