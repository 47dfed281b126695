/**
 * Names of files and folders that hold what is known of a machine: `hosts/{mac}`. What is filled in may be a client's claim, so
 * it is one component of a name, or nothing.
 */
import { hexAddress } from '../lib/address.ts';

/** Who asks, as far as that counts. */
export interface Who {
  readonly mac?: string | undefined;
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
  /** Without zone. */
  readonly address?: string | undefined;
  /** {@link Host.name} */
  readonly host?: string | undefined;
}

const values: Readonly<Record<string, (who: Who) => string | undefined>> = {
  mac: ({ mac }) => mac,
  'mac-dashes': ({ mac }) => mac?.replaceAll(':', '-'),
  'mac-bare': ({ mac }) => mac?.replaceAll(':', ''),
  address: ({ address }) => address,
  'address-hex': ({ address }) => (address === undefined ? undefined : hexAddress(address)),
  uuid: ({ uuid }) => uuid,
  serial: ({ serial }) => serial,
  host: ({ host }) => host,
};

/** Other names for them: iPXE's `${mac:hexraw}`, and what a template calls the address. */
const synonyms: Readonly<Record<string, string>> = { 'mac-raw': 'mac-bare', 'hex-address': 'address-hex' };

function lookUp(key: string): ((who: Who) => string | undefined) | undefined {
  const name = Object.hasOwn(synonyms, key) ? synonyms[key]! : key;
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** For messages. */
export const placeholders = Object.keys(values)
  .map((key) => `{${key}}`)
  .join(', ');

/** Whether all that stands in braces is known. */
export function isFillable(written: string): boolean {
  return [...written.matchAll(PLACEHOLDER)].every(([, key]) => lookUp(key!) !== undefined);
}

/** @returns a function whose answer is `undefined` where something is not known of the machine, or is no part of a name */
export function fillable(written: string): (who: Who) => string | undefined {
  if (written.search(PLACEHOLDER) < 0) return () => written;
  return (who) => {
    let known = true;
    const filled = written.replace(PLACEHOLDER, (_, key: string) => {
      const value = lookUp(key)?.(who);
      if (value === undefined || !isComponent(value)) known = false;
      return value ?? '';
    });
    return known ? filled : undefined;
  };
}

function isComponent(value: string): boolean {
  return value !== '' && value !== '.' && value !== '..' && !/[/\\]/.test(value);
}

const PLACEHOLDER = /\{([^{}]*)\}/g;
