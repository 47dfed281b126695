/**
 * Checks what plugins return against the contract of `types.ts`, because a plugin may be JavaScript. Throws an Error that says
 * what is wrong.
 */

import { bootLayouts } from '../base/boot-layout.ts';
import { firmwares, isFirmware } from '../base/firmware.ts';
import { show } from '../base/issue.ts';
import { parseMac } from '../base/mac.ts';
import { nearest } from '../base/nearest.ts';
import { parseSerial } from '../base/serial.ts';
import type { Content, Sink } from '../content/content.ts';
import { closeUnwanted } from '../content/unwanted.ts';
import { factNames } from './facts.ts';
import type { AnswerContext, Boot } from './route.ts';
import type { Finding, Hooks, Host, Identity, IdentitySource, Machine } from './types.ts';

/** Returns the answer of an `identify` hook, with MAC address, UUID and serial number in their canonical spelling. */
export function expectIdentities(answer: unknown): readonly Identity[] {
  return Array.isArray(answer) ? answer.map(expectIdentity) : [expectIdentity(answer)];
}

function expectIdentity(answer: unknown): Identity {
  if (!isObject(answer)) throw new Error(`must return { mac, source } or nothing, returned ${show(answer)}`);
  const { mac, uuid, serial, firmware, arch, source, ageMs } = answer;
  const canonical = typeof mac === 'string' ? parseMac(mac) : undefined;
  if (canonical === undefined && (mac !== undefined || [uuid, serial, firmware, arch].every((known) => known === undefined)))
    throw new Error(`returned an invalid MAC address: ${show(mac)}`);
  for (const [key, value] of Object.entries({ uuid, serial }))
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new Error(`returned an invalid ${key}: ${show(value)}`);
  if (firmware !== undefined && !isFirmware(firmware))
    throw new Error(`returned an unknown firmware: ${show(firmware)}; ${hintFor(firmware, firmwares)}`);
  if (arch !== undefined && !(Number.isInteger(arch) && arch >= 0 && arch <= 0xffff))
    throw new Error(`returned an invalid arch: ${show(arch)}`);
  if (typeof source !== 'string' || source === '')
    throw new Error(`must name the source of the MAC address in \`source\`, found ${show(source)}`);
  if (ageMs !== undefined && (typeof ageMs !== 'number' || !(ageMs >= 0)))
    throw new Error(`returned an invalid ageMs: ${show(ageMs)}`);
  return {
    ...(canonical === undefined ? {} : { mac: canonical }),
    ...(uuid === undefined ? {} : { uuid: uuid.toLowerCase() }),
    ...(serial === undefined ? {} : { serial: parseSerial(serial) }),
    ...(firmware === undefined ? {} : { firmware }),
    ...(arch === undefined ? {} : { arch }),
    source,
    ...(ageMs === undefined ? {} : { ageMs }),
  };
}

export function expectHost(answer: unknown): Host {
  if (!isObject(answer)) throw new Error(`must return { name, groups, variables } or nothing, returned ${show(answer)}`);
  const { name, groups, variables, restsOn } = answer;
  if (typeof name !== 'string') throw new Error(`returned a host whose name is ${show(name)}`);
  if (!Array.isArray(groups)) throw new Error(`returned a host whose groups are ${show(groups)}`);
  if (!isObject(variables)) throw new Error(`returned a host whose variables are ${show(variables)}`);
  if (restsOn !== undefined && !isListOfFacts(restsOn)) throw new Error(`returned a host whose restsOn is ${show(restsOn)}`);
  return { name, groups: groups.map(String), variables, ...(restsOn === undefined ? {} : { restsOn }) };
}

/** @param confine checks a name against the rules for names */
export function expectBoot(answer: unknown, { plugin, confine }: Pick<AnswerContext, 'plugin' | 'confine'>): Boot {
  const { file, layout } = typeof answer === 'string' ? { file: answer, layout: undefined } : isObject(answer) ? answer : {};
  if (typeof file !== 'string' || file === '')
    throw new Error(`must return a file name, a URL, 'disk', { file, layout } or nothing, returned ${show(answer)}`);
  if (layout !== undefined && !bootLayouts.includes(layout))
    throw new Error(`returned an unknown layout: ${show(layout)}; ${hintFor(layout, bootLayouts)}`);
  if (answer === 'disk') return { kind: 'disk', layout, plugin };
  if (!file.includes('://')) return { kind: 'file', name: confine(file), layout, plugin };
  if (!isHttpUrl(file)) throw new Error(`returned a URL that is not valid, or not http: or https:: ${show(file)}`);
  return { kind: 'url', url: file, layout, plugin };
}

function isHttpUrl(text: string): boolean {
  // Firmware compares and splits the URL byte by byte, so only literal URL characters are accepted.
  return /^https?:\/\/[\x21-\x7e]+$/.test(text) && URL.canParse(text);
}

/** Returns the name in a rewritten request, unchanged. */
export function expectName(answer: unknown): string {
  if (!isObject(answer)) throw new Error(`must return a request or nothing, returned ${show(answer)}`);
  if (typeof answer.name !== 'string') throw new Error(`returned a request whose name is ${show(answer.name)}`);
  return answer.name;
}

/** Closes a refused answer. */
export function expectOpened(answer: unknown): string | Uint8Array | Content {
  if (typeof answer === 'string' || answer instanceof Uint8Array) return answer;
  if (!isObject(answer) || typeof answer.read !== 'function' || typeof answer.close !== 'function') {
    closeUnwanted(answer);
    throw new Error(`must return a name, a Uint8Array, content or nothing, returned ${show(answer)}`);
  }
  const { size } = answer;
  if (size !== undefined && !(Number.isSafeInteger(size) && Number(size) >= 0)) {
    closeUnwanted(answer);
    throw new Error(`returned content whose size is ${show(size)}`);
  }
  return answer as unknown as Content;
}

export function expectStored(answer: unknown): string | Sink {
  if (typeof answer === 'string') return answer;
  for (const method of ['write', 'commit', 'abort'] as const) {
    if (!isObject(answer) || typeof answer[method] !== 'function') {
      throw new Error(
        `must return a name, a sink or nothing, returned ${isObject(answer) ? `one without ${method}` : show(answer)}`,
      );
    }
  }
  return answer as Sink;
}

/** Returns the answer of a list hook; without an answer, an empty list. */
export function expectIterable(answer: unknown): unknown[] {
  if (answer === undefined) return [];
  if (!isObject(answer) || !(Symbol.iterator in answer)) throw new Error(`must return a list, returned ${show(answer)}`);
  return Array.from(answer as unknown as Iterable<unknown>);
}

export function expectFileName(answer: unknown): string {
  if (typeof answer !== 'string' || answer === '') throw new Error(`returned ${show(answer)} as a file name`);
  return answer;
}

/** Returns the machine, with its MAC address, UUID and serial number in their canonical spelling. */
export function expectMachine(answer: unknown): Machine {
  if (!isObject(answer) || typeof answer.name !== 'string') throw new Error(`listed a machine without a name: ${show(answer)}`);
  const { name, mac, uuid, serial, address, names = [], fingerprint } = answer;
  const of = `machine ${show(name)}`;
  const canonical = typeof mac === 'string' ? parseMac(mac) : undefined;
  if (mac !== undefined && canonical === undefined) throw new Error(`${of} has an invalid MAC address: ${show(mac)}`);
  for (const [key, value] of Object.entries({ uuid, serial, address }))
    if (value !== undefined && typeof value !== 'string') throw new Error(`${of} has an invalid ${key}: ${show(value)}`);
  if (!Array.isArray(names)) throw new Error(`${of} has names that are not a list: ${show(names)}`);
  return {
    name,
    ...(canonical === undefined ? {} : { mac: canonical }),
    ...(uuid === undefined ? {} : { uuid: uuid.toLowerCase() }),
    ...(serial === undefined ? {} : { serial: parseSerial(serial) }),
    ...(address === undefined ? {} : { address }),
    names: names.map(String),
    ...(typeof fingerprint === 'string' ? { fingerprint } : {}),
  };
}

/** Returns the sources with the facts that this version knows. */
export function expectSources(answer: unknown): readonly IdentitySource[] {
  return expectIterable(answer).map((source) => {
    if (!isObject(source) || !Array.isArray(source.tells)) throw new Error(`must list { source, tells }, listed ${show(source)}`);
    return source as unknown as IdentitySource;
  });
}

export function expectFinding(answer: unknown): Finding {
  if (!isObject(answer) || typeof answer.message !== 'string' || !Array.isArray(answer.path))
    throw new Error(`must return findings { severity, path, message }, returned ${show(answer)}`);
  const { severity } = answer;
  if (severity !== 'error' && severity !== 'warning' && severity !== 'note')
    throw new Error(`returned a finding with severity ${show(severity)}`);
  return answer as unknown as Finding;
}

/** @param hookNames all existing hooks */
export function expectHooks(answer: unknown, hookNames: readonly string[]): Hooks {
  if (!isObject(answer)) throw new Error(`must return its hooks, returned ${show(answer)}`);
  // An instance of a class may have additional fields and methods.
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(answer));
  const unknown = isPlain ? Object.keys(answer).find((key) => !hookNames.some((hook) => hook === key)) : undefined;
  if (unknown !== undefined) {
    throw new Error(`returned an unknown hook ${show(unknown)}; ${hintFor(unknown, hookNames)}`);
  }
  for (const hook of hookNames) {
    const value = answer[hook];
    if (value !== undefined && typeof value !== 'function') throw new Error(`returned ${show(value)} as its hook ${hook}`);
  }
  return answer;
}

function hintFor(found: unknown, known: readonly string[]): string {
  const near = typeof found === 'string' ? nearest(found, known) : undefined;
  return near === undefined ? `there are: ${known.join(', ')}` : `did you mean "${near}"?`;
}

function isListOfFacts(value: unknown): value is NonNullable<Host['restsOn']> {
  return Array.isArray(value) && value.every((facts) => Array.isArray(facts) && facts.every((fact) => factNames.includes(fact)));
}

// biome-ignore lint/suspicious/noExplicitAny: each caller looks at what it takes out
function isObject(value: unknown): value is Record<string, any> {
  return typeof value === 'object' && value !== null;
}
