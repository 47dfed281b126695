/**
 * File and folder names with placeholders for facts of a machine: `hosts/{mac}`. A value may be a client's claim, so it must be a
 * single path component.
 */
import { hexAddress } from '../lib/address.ts';

/** The facts of a client that a name may be filled with. */
export interface ClientFacts {
  readonly mac?: string | undefined;
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
  /** Without zone. */
  readonly address?: string | undefined;
  /** {@link Host.name} */
  readonly host?: string | undefined;
}

/** The facts that a boot target may be filled with. */
export interface BootClientFacts extends ClientFacts {
  /** The server's address on the machine's network. */
  readonly server?: string | undefined;
}

const values: Readonly<Record<string, (facts: ClientFacts) => string | undefined>> = {
  mac: ({ mac }) => mac,
  'mac-dashes': ({ mac }) => mac?.replaceAll(':', '-'),
  'mac-bare': ({ mac }) => mac?.replaceAll(':', ''),
  address: ({ address }) => address,
  'address-hex': ({ address }) => (address === undefined ? undefined : hexAddress(address)),
  uuid: ({ uuid }) => uuid,
  serial: ({ serial }) => serial,
  host: ({ host }) => host,
};

/** Synonyms: iPXE's `${mac:hexraw}`, and the address as templates name it. */
const synonyms: Readonly<Record<string, string>> = { 'mac-raw': 'mac-bare', 'hex-address': 'address-hex' };

type Values<Known> = Readonly<Record<string, (facts: Known) => string | undefined>>;

const bootValues: Values<BootClientFacts> = { ...values, server: ({ server }) => server };

function lookUp<Known>(values: Values<Known>, key: string): ((facts: Known) => string | undefined) | undefined {
  const name = Object.hasOwn(synonyms, key) ? synonyms[key]! : key;
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function listed(values: Values<never>): string {
  return Object.keys(values)
    .map((key) => `{${key}}`)
    .join(', ');
}

/** For messages. */
export const placeholders = listed(values);
export const bootPlaceholders = listed(bootValues);

/** Whether all placeholders are known. */
export function isFillable(written: string): boolean {
  return allKnown(values, written);
}

/** The same for a boot target. */
export function isBootFillable(written: string): boolean {
  return allKnown(bootValues, written);
}

function allKnown(values: Values<never>, written: string): boolean {
  return [...written.matchAll(PLACEHOLDER)].every(([, key]) => lookUp(values, key!) !== undefined);
}

/** @returns a function that returns `undefined` if a fact is unknown or is not a path component */
export function fillable(written: string): (facts: ClientFacts) => string | undefined {
  return filling(values, written);
}

/** The same for a boot target. */
export function bootFillable(written: string): (facts: BootClientFacts) => string | undefined {
  return filling(bootValues, written);
}

function filling<Known>(values: Values<Known>, written: string): (facts: Known) => string | undefined {
  if (written.search(PLACEHOLDER) < 0) return () => written;
  return (facts) => {
    let known = true;
    const filled = written.replace(PLACEHOLDER, (_, key: string) => {
      const value = lookUp(values, key)?.(facts);
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
