/** Which facts of a client count, each by its own source, and whether a host that rests on them does. */
import type { Client, FactName } from 'pxe';
import { describe, expect, test } from 'vitest';
import { allButNames, trustedClient, trustedFacts, trustIn } from '../../plugins/lib/trust.ts';

const base = { address: '192.168.7.20', port: 2070 };
const mac = { mac: '52:54:00:12:34:56', macSource: 'leases' };
const serial = { serial: 'd1f0c2aa', serialSource: 'filename', serialAgeMs: 0 };
const restingOn = (...restsOn: readonly (readonly FactName[])[]) => ({
  host: { name: 'pi1', groups: [], variables: {}, restsOn },
});

test.each<[string, readonly string[] | undefined, object]>([
  ['all', undefined, { mac: mac.mac, serial: serial.serial }],
  ['one of the sources', ['leases'], { mac: mac.mac }],
  ['the other one', ['filename'], { serial: serial.serial }],
  ['neither', ['table'], {}],
])('facts that count, trusting %s', (_, trust, expected) => {
  expect(trustedFacts({ ...base, ...mac, ...serial }, trustIn(trust))).toEqual(expected);
});

describe('a client, trusting all sources but the name', () => {
  test.each<[string, Partial<Client>, Partial<Client> | undefined]>([
    ['known from a lease', mac, mac],
    ['of which nothing is known', {}, {}],
    ['known by its claim only', serial, undefined],
    ['known from a lease, beside its claim', { ...mac, ...serial }, mac],
    ['whose host rests on the lease', { ...mac, ...serial, ...restingOn(['mac']) }, { ...mac, ...restingOn(['mac']) }],
    ['whose host rests on the claim', { ...mac, ...serial, ...restingOn(['mac'], ['serial']) }, undefined],
    [
      'whose host rests on either',
      { ...mac, ...serial, ...restingOn(['mac', 'serial']) },
      { ...mac, ...restingOn(['mac', 'serial']) },
    ],
    ['whose host rests on no fact', { ...mac, ...serial, ...restingOn() }, { ...mac, ...restingOn() }],
  ])('%s', (_, client, expected) => {
    expect(trustedClient({ ...base, ...client }, allButNames)).toEqual(expected && { ...base, ...expected });
  });
});
