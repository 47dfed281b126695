/** Options of `http-origin`, and their checks. */
import { createRequire } from 'node:module';
import { cleanName } from 'pxe/kit';
import { z } from 'zod';
import { isHost } from './location.ts';

/** Loaded only if there is an origin: it takes eight megabytes. */
const http = (): typeof import('node:http') => createRequire(import.meta.url)('node:http');

/** A value that is taken from an environment variable of the server, not from the config file. */
const fromEnvironment = z.strictObject({ env: z.string().min(1) });

/** Headers that this plugin sets itself, or that frame a message. */
const OWN_HEADERS = new Set([
  ...['host', 'connection', 'transfer-encoding', 'content-length', 'upgrade', 'expect', 'te', 'trailer', 'keep-alive'],
  ...[
    'accept-encoding',
    'authorization',
    'range',
    'if-range',
    'if-match',
    'if-none-match',
    'if-modified-since',
    'if-unmodified-since',
  ],
]);

const headerName = z
  .string()
  .refine((name) => passes(() => http().validateHeaderName(name)), 'is not a header name')
  .refine((name) => !OWN_HEADERS.has(name.toLowerCase()), 'is set by the plugin itself; for credentials, use authorization');

export const originOptions = z.strictObject({
  prefix: z
    .string()
    .refine((prefix) => prefix === '' || passes(() => cleanName(prefix)), 'expected the start of a name, such as "os/"')
    .transform((prefix) => (prefix === '' ? '' : `${cleanName(prefix)}/`))
    .default(''),
  url: z.string().refine(isBase, {
    // The message does not contain the URL, which may hold a password.
    error: 'must be an http or https URL without user, query or fragment',
    params: { hint: 'put credentials in authorization: { env: … }' },
  }),
  redirectHosts: z
    .array(z.string().refine(isHost, 'expected a host, such as "cdn.example", "cdn.example:8443" or "*.cdn.example"'))
    .default([]),
  cacheDir: z.string().min(1),
  cacheBytes: z
    .number()
    .int()
    .positive()
    .default(10 * 1024 ** 3),
  freshMs: z.number().nonnegative().default(10_000),
  staleIfError: z.boolean().default(false),
  fallThrough: z.boolean().default(false),
  missing: z.array(z.number().int().min(400).max(499)).default([404, 410]),
  authorization: fromEnvironment.extend({ scheme: z.enum(['Bearer', 'Basic']).default('Bearer') }).optional(),
  headers: z
    .record(
      headerName,
      z.union([
        z
          .string()
          .refine(
            (value) => passes(() => http().validateHeaderValue('x', value)),
            'contains characters that a header may not contain',
          ),
        fromEnvironment,
      ]),
    )
    .default({}),
  connections: z.number().int().positive().default(32),
  timeoutMs: z.number().positive().default(4000),
  idleMs: z.number().positive().default(20_000),
  retryMs: z.number().nonnegative().default(20_000),
  lingerMs: z.number().nonnegative().default(60_000),
});

export type OriginSettings = z.output<typeof originOptions>;

/**
 * The headers of every request. Throws if a variable is not set or is not valid in a header; the error names the variable, never
 * its value.
 */
export function headersFrom(
  { authorization, headers }: OriginSettings,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const all: Record<string, string> = {};
  const set = (name: string, variable: string | undefined, value: string): void => {
    if (!passes(() => http().validateHeaderValue(name, value)))
      throw new Error(`environment variable ${variable} contains characters that a header may not contain`);
    all[name.toLowerCase()] = value;
  };
  const read = (variable: string, path: string): string => {
    const value = environment[variable]?.trim();
    if (!value) throw new Error(`environment variable ${variable}, which ${path} names, is not set`);
    return value;
  };
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') set(name, undefined, value);
    else set(name, value.env, read(value.env, `headers[${JSON.stringify(name)}].env`));
  }
  if (authorization) {
    const { env, scheme } = authorization;
    const value = read(env, 'authorization.env');
    set('authorization', env, `${scheme} ${scheme === 'Basic' ? Buffer.from(value).toString('base64') : value}`);
  }
  return all;
}

function isBase(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return [url.username, url.password, url.search, url.hash].every((part) => part === '') && !/[?#]/.test(text);
}

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
