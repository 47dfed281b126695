import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const folder = new URL('../../plugins/', import.meta.url);

const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** They are examples of what a user can write: whatever they need must be public. */
test.each(files)('%s imports what a plugin of a user can import', (file) => {
  const source = readFileSync(new URL(file, folder), 'utf8');
  for (const [, from] of source.matchAll(/ from '([^']+)'/g))
    expect(from).toMatch(
      /^(pxe(\/kit)?|zod|yaml|csv-parse\/sync|liquidjs|@eslint-community\/regexpp|node:\w+(\/\w+)?|\.\.?\/[\w/-]+\.ts)$/,
    );
});
