/** The documentation: README.md and the pages of docs/. */
import { readdirSync, readFileSync } from 'node:fs';

const repository = new URL('../../', import.meta.url);

export interface Page {
  /** Relative to the top of the repository, as `docs/guide.md`. */
  readonly path: string;
  readonly text: string;
}

export const pages: readonly Page[] = [
  'README.md',
  ...readdirSync(new URL('docs', repository))
    .filter(isMarkdown)
    .map((name) => `docs/${name}`),
]
  .sort()
  .map((path) => ({ path, text: readFileSync(new URL(path, repository), 'utf8') }));

function isMarkdown(name: string): boolean {
  return name.endsWith('.md');
}

export function page(path: string): string {
  const found = pages.find((page) => page.path === path);
  if (!found) throw new Error(`no page ${path}`);
  return found.text;
}

/** Where a page's links lead that stay within the documentation. */
export function linksIn(text: string): readonly string[] {
  const links = withoutBlocks(text)
    .replace(/`[^`\n]*`/g, '')
    .matchAll(/\]\(([^)\s]+)\)/g);
  return [...links].map(([, target]) => target!).filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that GitHub gives to the headings of a page. */
export function anchorsIn(text: string): readonly string[] {
  const headings = withoutBlocks(text).matchAll(/^#{1,6} (.+)$/gm);
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function withoutBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}
