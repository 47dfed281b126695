/**
 * The input of a generated file: what the config knows about the machine, and what the client sent. Control characters are
 * removed from the client's text, so that it cannot add lines to a script.
 */
import type { Call, Client, Host, ReadRequest } from 'pxe';
import { hexAddress } from '../lib/address.ts';

/** Argument of a function that generates a file. */
export interface GenerateContext {
  /** The request; `asked`, `name` and options are untrusted. Control characters are removed. */
  readonly request: ReadRequest;
  readonly call: Call;
  readonly client: Client;
  /** The machine's entry in the config, if it has one. */
  readonly host: Host | undefined;
  /** The host's variables override the rule's. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** `52:54:00:12:34:56`, if known. */
  readonly mac: string | undefined;
  /** IPv4 or IPv6 address, without zone. */
  readonly address: string;
  /** The server's address that the client sent its request to: `http://${server}/…`. */
  readonly server: string;
  /** What the wildcards of the rule's name matched, in order. */
  readonly match: readonly string[];
}

/** @param defaults variables of the rule */
export function contextOf(
  asked: ReadRequest,
  call: Call,
  match: readonly string[],
  defaults: Readonly<Record<string, unknown>> = {},
): GenerateContext {
  const { uuid, serial } = asked.client;
  const client = {
    ...asked.client,
    ...(uuid === undefined ? {} : { uuid: oneLine(uuid) }),
    ...(serial === undefined ? {} : { serial: oneLine(serial) }),
  };
  const request = { ...withLines(asked), client, asked: oneLine(asked.asked), name: oneLine(asked.name) };
  const { host, mac } = client;
  return {
    request,
    call,
    client,
    host,
    variables: { ...defaults, ...host?.variables },
    mac,
    address: client.address.replace(/%.*$/, ''),
    server: asked.local.address.replace(/%.*$/, ''),
    match: match.map(oneLine),
  };
}

/** Names that a template may use besides its variables. */
export const reservedNames = ['client', 'host', 'match', 'request', 'server', 'variables'] as const;

/** The scope of a template: variables by their names, the rest under {@link reservedNames}. Unknown values are absent. */
export function scopeOf({ request, client, host, variables, mac, address, server, match }: GenerateContext): object {
  const { uuid, serial, macSource, uuidSource, serialSource, firmware, arch } = client;
  return {
    ...variables,
    variables,
    client: known({
      address,
      hex_address: hexAddress(address),
      mac,
      mac_dashes: mac?.replaceAll(':', '-'),
      mac_source: macSource,
      mac_bare: mac?.replaceAll(':', ''),
      uuid,
      uuid_source: uuidSource,
      serial,
      serial_source: serialSource,
      firmware,
      arch,
    }),
    ...known({ host: host && { name: host.name, groups: host.groups } }),
    request: { name: request.name, asked: request.asked },
    server,
    match,
  };
}

function known(values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Includes Unicode's line separators, which some programs take for line ends. */
function oneLine(text: string): string {
  return text.replace(CONTROLS, '');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** The part of the request that its protocol adds, without control characters. */
function withLines(request: ReadRequest): ReadRequest {
  if (request.protocol !== 'tftp') return request;
  const options = new Map([...request.tftp.options].map(([name, value]) => [oneLine(name), oneLine(value)]));
  return { ...request, tftp: { ...request.tftp, options } };
}
