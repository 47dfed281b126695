/** What the process remembers of the machines that it has seen. */
import { describe, expect, test } from 'vitest';
import { Sightings } from '../../src/service/sightings.ts';
import { FakeClock } from '../plugin/support.ts';

const MAC = '52:54:00:12:34:56';
const OTHER = '52:54:00:12:34:57';
const A = '192.168.7.20';

function seeing(options: { readonly machines?: number; readonly forgetMs?: number } = {}) {
  const clock = new FakeClock();
  return { clock, sightings: new Sightings({ clock, ...options }) };
}

describe('a machine', () => {
  test('is found by the address that it asks for, with what it said before it had one', async () => {
    const { clock, sightings } = seeing();
    sightings.see({ mac: MAC, uuid: 'u', firmware: 'uefi-x64', arch: 7, service: 'dhcp' });
    expect(sightings.byAddress(A)).toBeUndefined();
    await clock.advance(50);
    sightings.see({ mac: MAC, address: A, service: 'dhcp' });
    await clock.advance(200);
    expect(sightings.byAddress(A)).toEqual({
      ...{ mac: MAC, uuid: 'u', firmware: 'uefi-x64', arch: 7, address: A, service: 'dhcp', ageMs: 200 },
    });
  });

  test('is the same whatever program asks: the last one counts', () => {
    const { sightings } = seeing();
    sightings.see({ mac: MAC, address: A, firmware: 'bios', arch: 0, service: 'dhcp' });
    sightings.see({ mac: MAC, firmware: 'ipxe', arch: 0, service: 'dhcp' });
    expect(sightings.byAddress(A)).toMatchObject({ firmware: 'ipxe' });
    expect(sightings.size).toBe(1);
  });

  test('is known by its UUID where it has no MAC address, and not at all without either', () => {
    const { sightings } = seeing();
    sightings.see({ uuid: 'u', address: A, service: 'dhcp' });
    sightings.see({ address: '192.168.7.21', firmware: 'bios', service: 'dhcp' });
    expect(sightings.byAddress(A)).toMatchObject({ uuid: 'u' });
    expect(sightings.byAddress('192.168.7.21')).toBeUndefined();
  });

  test('loses its former address when it gets another one', () => {
    const { sightings } = seeing();
    sightings.see({ mac: MAC, address: A, service: 'dhcp' });
    sightings.see({ mac: MAC, address: '192.168.7.21', service: 'dhcp' });
    expect(sightings.byAddress(A)).toBeUndefined();
    expect(sightings.byAddress('192.168.7.21')).toMatchObject({ mac: MAC });
  });

  test('loses its address to the machine that has it now, and does not get it back by speaking', () => {
    const { sightings } = seeing();
    sightings.see({ mac: MAC, address: A, service: 'dhcp' });
    sightings.see({ mac: OTHER, address: A, service: 'dhcp' });
    expect(sightings.byAddress(A)).toMatchObject({ mac: OTHER });
    sightings.see({ mac: MAC, firmware: 'ipxe', service: 'dhcp' });
    expect(sightings.byAddress(A)).toMatchObject({ mac: OTHER });
    expect(sightings.size).toBe(2);
  });
});

describe('is bounded', () => {
  test('in number: the machine that was seen longest ago is forgotten, with its address', () => {
    const { sightings } = seeing({ machines: 3 });
    const see = (n: number) => sightings.see({ mac: `52:54:00:00:00:0${n}`, address: `10.0.0.${n}`, service: 'dhcp' });
    for (const n of [1, 2, 3, 1, 4]) see(n);
    expect(sightings.size).toBe(3);
    expect([1, 2, 3, 4].map((n) => sightings.byAddress(`10.0.0.${n}`)?.mac?.at(-1))).toEqual(['1', undefined, '3', '4']);
  });

  test('by another number from now on', () => {
    const { sightings } = seeing();
    for (const n of [1, 2, 3]) sightings.see({ mac: `52:54:00:00:00:0${n}`, address: `10.0.0.${n}`, service: 'dhcp' });
    sightings.limit(2);
    expect([1, 2, 3].map((n) => sightings.byAddress(`10.0.0.${n}`)?.mac?.at(-1))).toEqual([undefined, '2', '3']);
    sightings.limit();
    for (const n of [4, 5]) sightings.see({ mac: `52:54:00:00:00:0${n}`, service: 'dhcp' });
    expect(sightings.size).toBe(4);
  });

  test('in its addresses, too: a machine holds one', () => {
    const { sightings } = seeing({ machines: 2 });
    for (let n = 0; n < 1000; n++) sightings.see({ mac: MAC, address: `10.0.${n >> 8}.${n & 255}`, service: 'dhcp' });
    const known = Array.from({ length: 1000 }, (_, n) => sightings.byAddress(`10.0.${n >> 8}.${n & 255}`)).filter(Boolean);
    expect(known).toHaveLength(1);
  });

  test('in time', async () => {
    const { clock, sightings } = seeing({ forgetMs: 1000 });
    sightings.see({ mac: MAC, address: A, service: 'dhcp' });
    await clock.advance(1000);
    expect(sightings.byAddress(A)).toMatchObject({ ageMs: 1000 });
    await clock.advance(1);
    expect(sightings.byAddress(A)).toBeUndefined();
  });
});
