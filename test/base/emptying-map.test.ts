import { expect, test } from 'vitest';
import { EmptyingMap } from '../../src/base/emptying-map.ts';

test('an empty map has emptied; one that is not does when its last entry goes, each time anew', async () => {
  const map = new EmptyingMap<number, string>();
  await map.emptied();
  for (let round = 1; round <= 2; round++) {
    map.set(1, 'a').set(2, 'b');
    let emptied = 0;
    const both = [map.emptied(), map.emptied()].map((one) => one.then(() => emptied++));
    map.delete(1);
    map.delete(1);
    await Promise.resolve();
    expect(emptied).toBe(0);
    map.delete(2);
    await Promise.all(both);
    expect(emptied).toBe(2);
  }
});
