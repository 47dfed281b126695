/** Figures are written by the script that measures them, and docs/measurements.md says when, where and at which commit. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { blocksIn, MEASUREMENTS, provenanceIn, provenanceOfRun, provenanceText, replaceBlock } from './kit/figures.ts';

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};
const page = readFileSync(MEASUREMENTS, 'utf8');
const measured = blocksIn(page).filter(({ source }) => !source.startsWith('test/'));

test('every block is found', () => {
  expect(blocksIn(page)).toHaveLength(page.match(/<!-- figures:/g)!.length);
  expect(new Set(blocksIn(page).map(({ source }) => source)).size).toBe(blocksIn(page).length);
});

test('every script that measures has a block', () => {
  const measuring = Object.keys(scripts).filter((name) => /^(measure:|bench$|soak$)/.test(name));
  expect(measured.map(({ source }) => source).sort()).toEqual(measuring.sort());
});

describe.each(measured)('$source', ({ source, text }) => {
  test('is an npm script that writes this block', () => {
    const file = /^node (scripts\/[\w-]+\.ts)$/.exec(scripts[source] ?? '')?.[1];
    expect(file, source).toBeDefined();
    expect(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')).toContain(`new Report({ script: '${source}'`);
  });

  test('says when, at which commit, on which machine and with which command it was measured', () => {
    expect(provenanceIn(text)?.command).toMatch(new RegExp(`npm run ${source}( |$)`));
  });

  test('is replaced by a new run, and nothing else is', () => {
    const next = replaceBlock(page, { source, text: 'A\n\n$& B' });
    expect(next).toBe(page.replace(text, () => 'A\n\n$& B'));
  });
});

test('a block that is absent or stands twice is an error', () => {
  const block = '<!-- figures: bench -->\n1\n<!-- end of figures -->';
  expect(() => replaceBlock(block, { source: 'soak', text: '2' })).toThrow('0 blocks "<!-- figures: soak -->", not one');
  expect(() => replaceBlock(`${block}\n${block}`, { source: 'bench', text: '2' })).toThrow('2 blocks');
});

test('the provenance of a run can be read again', () => {
  const run = provenanceOfRun('bench');
  expect(run.date).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(run.machine).toMatch(/^\d+ cores? of \S/);
  expect(provenanceIn(provenanceText(run))).toEqual(run);
});
