import { expect, test } from 'vitest';
import { Budget } from '../../../src/tftp/protocol/budget.ts';

const ADDRESS = 1;
const budget = () => new Budget({ unprovenBytes: 2048, unprovenFactor: 4 });

test('an address has its allowance, and not a byte more', () => {
  const account = budget();
  expect(account.spend(ADDRESS, 2049, 0)).toBe(false);
  expect(account.spend(ADDRESS, 2048, 0)).toBe(true);
  expect(account.spend(ADDRESS, 1, 0)).toBe(false);
});

test('addresses have accounts of their own', () => {
  const account = budget();
  expect(account.spend(ADDRESS, 2048, 0)).toBe(true);
  expect(account.spend(2, 2048, 0)).toBe(true);
  expect(account.spend('fd00::1', 2048, 0)).toBe(true);
});

test('bytes received earn four times as much', () => {
  const account = budget();
  account.spend(ADDRESS, 2048, 0);
  account.earn(ADDRESS, 14, 0);
  expect(account.spend(ADDRESS, 57, 0)).toBe(false);
  expect(account.spend(ADDRESS, 56, 0)).toBe(true);
});

test('a refund can be spent again', () => {
  const account = budget();
  account.spend(ADDRESS, 2048, 0);
  account.refund(ADDRESS, 516, 0);
  expect(account.spend(ADDRESS, 517, 0)).toBe(false);
  expect(account.spend(ADDRESS, 516, 0)).toBe(true);
});

test('the allowance comes back within a minute, and no more than it', () => {
  const account = budget();
  account.spend(ADDRESS, 2048, 0);
  expect(account.spend(ADDRESS, 1025, 30_000)).toBe(false);
  expect(account.spend(ADDRESS, 1024, 30_000)).toBe(true);
  expect(account.spend(ADDRESS, 2049, 600_000)).toBe(false);
  expect(account.spend(ADDRESS, 2048, 600_000)).toBe(true);
});

test('what was earned beyond the allowance does not last for ever', () => {
  const account = budget();
  account.earn(ADDRESS, 10_000, 0);
  expect(account.spend(ADDRESS, 20_000, 1000)).toBe(true);
  expect(account.spend(ADDRESS, 2049, 100_000)).toBe(false);
});

test('limits that change are in force at once', () => {
  const account = budget();
  account.limits = { unprovenBytes: 4096, unprovenFactor: 0 };
  account.earn(ADDRESS, 1000, 0);
  expect(account.spend(ADDRESS, 4097, 0)).toBe(false);
  expect(account.spend(ADDRESS, 4096, 0)).toBe(true);
});

test('the address heard of least recently is forgotten first, one in use is not', () => {
  const account = budget();
  account.spend(ADDRESS, 2048, 0);
  account.spend(2, 2048, 0);
  for (let other = 10; other < 10 + 8191; other++) {
    account.earn(other, 1, 0);
    if (other === 5000) account.earn(ADDRESS, 0, 0);
  }
  // 2 was forgotten, and so has its allowance again; the other still owes.
  expect(account.spend(2, 2048, 0)).toBe(true);
  expect(account.spend(ADDRESS, 1, 0)).toBe(false);
});
