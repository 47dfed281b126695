/** What the service remembers of senders is bounded, whatever they send. */
import { expect, test } from 'vitest';
import type { Log } from '../../src/base/log.ts';
import { Notices } from '../../src/dhcp/notices.ts';
import { Offers } from '../../src/dhcp/offers.ts';
import { bootClientOf } from '../../src/dhcp/protocol/boot-client.ts';
import { decodePacket } from '../../src/dhcp/protocol/packet.ts';
import { Rates } from '../../src/dhcp/rates.ts';
import { dhcpVectors } from './protocol/vectors.ts';

test('rates count each sender within a time, and begin anew after it', () => {
  const rates = new Rates(100);
  const allowed = (sender: string, now: number) => rates.allows(sender, { most: 2, perMs: 1000 }, now);
  expect([0, 1, 2, 999].map((now) => allowed('a', now))).toEqual([true, true, false, false]);
  expect(allowed('b', 999)).toBe(true);
  expect([1000, 1001, 1002].map((now) => allowed('a', now))).toEqual([true, true, false]);
});

test('rates forget the senders whose time began first', () => {
  const rates = new Rates(10);
  for (let i = 0; i < 1000; i++) rates.allows(`sender ${i}`, { most: 1, perMs: 1000 }, i / 1000);
  expect(rates.size).toBe(10);
  expect(rates.allows('sender 999', { most: 1, perMs: 1000 }, 1)).toBe(false);
  expect(rates.allows('sender 0', { most: 1, perMs: 1000 }, 1)).toBe(true);
});

test('offers remember no more machines than they may', () => {
  const offers = new Offers(10);
  const packet = decodePacket(dhcpVectors.find(({ name }) => name === 'ovmf-x64-discover-67')!.bytes)!;
  for (let i = 0; i < 1000; i++) {
    const own = { ...packet, chaddr: Uint8Array.of(2, 0, 0, 0, i >> 8, i) };
    const asked = { packet: own, client: bootClientOf(own)!, port: 67, server: '10.0.0.1' } as const;
    offers.answer(asked, { kind: 'file', name: 'boot.efi' }, 'direct', i);
    offers.silence(asked, i);
  }
  expect(offers.size).toBe(10);
});

test('warnings of one kind do not fill the log', () => {
  const lines: string[] = [];
  const log: Log = { debug() {}, info() {}, warn: (_, message) => void lines.push(message), error() {}, child: () => log };
  const notices = new Notices(log);
  for (let i = 0; i < 1000; i++) notices.warn({}, 'a relay is not answered', `10.0.${i >> 8}.${i & 255}`);
  expect(lines).toHaveLength(256);
  notices.forget();
  notices.warn({}, 'a relay is not answered', '10.0.0.0');
  expect(lines).toHaveLength(257);
});
