/**
 * What a generated file is made of: what the config knows of the machine, and what the client says. Text of the client is on one
 * line, whatever it sent: it must not add lines to a script.
 */
import type { Call, Client, Host, ReadRequest } from 'pxe';
import { hexAddress } from '../lib/address.ts';

/** What a function is given that makes a file. */
export interface GenerateContext {
  /** The request; `asked`, `name` and options are untrusted, and without control characters. */
  readonly request: ReadRequest;
  readonly call: Call;
  readonly client: Client;
  /** Which of the config's machines it is, if any. */
  readonly host: Host | undefined;
  /** The host's, over those of the rule. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** `52:54:00:12:34:56`, if it is known. */
  readonly mac: string | undefined;
  /** IPv4 or IPv6 address, without zone. */
  readonly address: string;
  /** The server's address that the client sent to: `http://${server}/…`. */
  readonly server: string;
  /** What the wildcards of the rule's name stand for, in order. */
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

/** The names that a template knows beside its variables. */
export const reservedNames = ['client', 'host', 'match', 'request', 'server', 'variables'] as const;

/** What a template sees: variables by their names, all else under {@link reservedNames}. What is not known is not there. */
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

/** Line ends of Unicode among them: some reader may take them for one. */
function oneLine(text: string): string {
  return text.replace(CONTROLS, '');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** What is particular to its protocol, with each text on one line. */
function withLines(request: ReadRequest): ReadRequest {
  if (request.protocol !== 'tftp') return request;
  const options = new Map([...request.tftp.options].map(([name, value]) => [oneLine(name), oneLine(value)]));
  return { ...request, tftp: { ...request.tftp, options } };
}
