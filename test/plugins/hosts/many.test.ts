/** Ten thousand hosts cost a request what a hundred do; `npm run measure:hosts` has the figures. */
import { expect, test } from 'vitest';
import { groupIssues, listHosts } from '../../../plugins/hosts/inventory.ts';
import { Registry } from '../../../plugins/hosts/registry.ts';
import { yamlInventory } from '../../../plugins/hosts/yaml.ts';

const octets = (n: number) => [n >> 16, n >> 8, n].map((octet) => octet & 255);
const macOf = (n: number) =>
  `52:54:00:${octets(n)
    .map((octet) => octet.toString(16).padStart(2, '0'))
    .join(':')}`;

const kinds: Readonly<Record<string, (n: number) => string>> = {
  'MAC addresses': macOf,
  addresses: (n) => `10.${octets(n).join('.')}`,
  networks: (n) => `2001:db8:${n.toString(16)}::/48`,
  'MAC patterns': (n) => `*:*:*:${macOf(n).slice(9)}`,
  names: (n) => `name:hosts/${n}`,
};

/** Microseconds, the best of many rounds: what else the machine does only adds. */
function best(work: () => void, rounds: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    work();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

function lookup(count: number, selector: (n: number) => string): number {
  const hosts = Object.fromEntries(Array.from({ length: count }, (_, n) => [selector(n), {}]));
  const registry = new Registry({ hosts: listHosts(hosts, []), groups: [] });
  const ask = (n: number) =>
    [...registry.match({ mac: macOf(n), address: `2001:db8:${n.toString(16)}::1` }, `hosts/${n}`)].length;
  // Only now is it certain that something is measured: addresses of the other family are not found.
  expect(ask(count - 1)).toBe(selector === kinds.addresses ? 0 : 1);
  return best(() => {
    for (let n = 0; n < 200; n++) ask(n % count);
  }, 50);
}

test.each(Object.entries(kinds))('a lookup among 10,000 %s', (_, selector) => {
  // Looking at each would take a hundred times as long.
  expect(lookup(10_000, selector) / lookup(100, selector)).toBeLessThan(20);
});

test('reading a file of many hosts takes its length, not the square of it', () => {
  const text = (count: number) => Array.from({ length: count }, (_, n) => `${macOf(n)}: { folder: lab }`).join('\n');
  const read = (count: number) => {
    const yaml = text(count);
    return best(() => {
      const { inventory, issues } = yamlInventory('hosts.yaml', yaml);
      expect(inventory.hosts.length + issues.length + groupIssues(inventory).length).toBe(count);
    }, 3);
  };
  expect(read(8000) / read(500)).toBeLessThan(80);
});
