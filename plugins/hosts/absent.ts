/**
 * For `pxe check`: finds files and folders that a config names but that are missing under the root, and suggests what was
 * probably meant.
 */
import type { CheckCall, Finding, Folder } from 'pxe';
import { inSlices, nearest, type Slices } from 'pxe/kit';
import { fillable } from './fill.ts';
import { type Assignment, finding } from './finding.ts';

/** Maximum concurrent lookups. */
const AT_ONCE = 16;
/** Maximum names for which a suggestion is searched. */
const SUGGESTED = 25;
/** Maximum names under the root that are considered for suggestions. */
const CONSIDERED = 4000;

export interface Looking {
  readonly slices: Slices;
  /** Deadline of the lookups, on the clock of `performance.now`: `pxe check` limits the time of each plugin. */
  readonly until: number;
}

/** A target or folder with placeholders is looked up if their values are certain. */
export async function absences(
  assignments: readonly Assignment[],
  { root }: CheckCall,
  looking: Looking,
): Promise<readonly Finding[]> {
  const { slices } = looking;
  // Without a root every file is absent; the finding about `rootDir` says so.
  if ((await root.list('')) === undefined) return [];
  const files = new Map<string, Naming[]>();
  const folders = new Map<string, Naming[]>();
  const add = (map: Map<string, Naming[]>, name: string, naming: Naming) => {
    const known = map.get(name);
    if (known) known.push(naming);
    else map.set(name, [naming]);
  };
  const take = ({ entry, facts = {}, ...origin }: Assignment): void => {
    for (const [key, written] of Object.entries(entry.files ?? {})) {
      const target = fillable(written)(facts);
      if (target !== undefined) add(files, target, { origin, more: ['files', key] });
    }
    const folder = entry.folder === undefined ? undefined : certainPart(entry.folder);
    if (folder !== undefined) add(folders, folder, { origin, more: ['folder'] });
  };
  await inSlices(assignments, take, slices);
  const suggestions = new Suggestions(root);
  return [
    ...(await missing(
      files,
      looking,
      (name) => root.has(name),
      (name) => suggestions.forFile(name),
    )),
    ...(await missing(
      folders,
      looking,
      async (name) => (await root.list(name)) !== undefined,
      async (name) => {
        const near = await suggestions.for(name);
        return `there is no folder ${JSON.stringify(name)} under the root${near}`;
      },
    )),
  ];
}

/** Why an existing file cannot be served. */
const UNSERVABLE = 'the server has no permission to read it, it is a folder, or it is a link that leads out of the root';

async function isListed(root: Folder, name: string): Promise<boolean> {
  const parts = name.split('/').filter(Boolean);
  const last = parts.pop();
  return last !== undefined && ((await root.list(parts.join('/'))) ?? []).includes(last);
}

/** A place where the config names a file or folder. */
interface Naming {
  readonly origin: Pick<Assignment, 'path' | 'place'>;
  readonly more: readonly string[];
}

/** The folders above the first placeholder; below them, a machine may lack a folder of its own. */
function certainPart(folder: string): string | undefined {
  const at = folder.indexOf('{');
  if (at < 0) return folder.replace(/\/+$/, '');
  const above = folder.slice(0, at);
  return above.includes('/') ? above.slice(0, above.lastIndexOf('/')) : undefined;
}

/** Each name is looked up once, however many machines it serves. */
async function missing(
  names: ReadonlyMap<string, readonly Naming[]>,
  { slices, until }: Looking,
  isThere: (name: string) => Promise<boolean>,
  tell: (name: string) => Promise<string>,
): Promise<readonly Finding[]> {
  const absent = new Set<string>();
  const queue = names.keys();
  let looked = 0;
  const work = async (): Promise<void> => {
    for (const name of queue) {
      if (performance.now() > until) return;
      if (!(await isThere(name))) absent.add(name);
      looked++;
      if (slices.over) await slices.rest();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const found: Finding[] = [];
  if (looked < names.size) {
    const [first] = names.values().next().value!;
    const message = `only ${looked} of ${names.size} names were looked up before time ran out`;
    found.push(finding('warning', first!.origin, message));
  }
  for (const [name, namings] of names) {
    if (!absent.has(name)) continue;
    const message = await tell(name);
    found.push(...namings.map(({ origin, more }) => finding('error', origin, message, ...more)));
  }
  return found;
}

class Suggestions {
  readonly #root: Folder;
  #names: Promise<readonly string[]> | undefined;
  #given = 0;

  constructor(root: Folder) {
    this.#root = root;
  }

  /** Why a file cannot be served: it is missing, or it exists but clients may not get it. */
  async forFile(name: string): Promise<string> {
    const shown = JSON.stringify(name);
    const listed = this.#given < SUGGESTED && (await isListed(this.#root, name));
    return listed
      ? `${shown} exists but cannot be served: ${UNSERVABLE}`
      : `there is no file ${shown} under the root${await this.for(name)}`;
  }

  /** `; did you mean "ipxe/snponly.efi"?`, or an empty string. */
  async for(name: string): Promise<string> {
    if (++this.#given > SUGGESTED) return '';
    this.#names ??= this.#walk();
    const names = await this.#names;
    const lastPart = (path: string) => path.slice(path.lastIndexOf('/') + 1).toLowerCase();
    // A name that differs only in its folder or in case comes first.
    const meant = names.find((one) => lastPart(one) === lastPart(name)) ?? nearest(name, names);
    return meant === undefined || meant === name ? '' : `; did you mean ${JSON.stringify(meant)}?`;
  }

  /** Files and folders under the root, in breadth-first order. */
  async #walk(): Promise<readonly string[]> {
    const names: string[] = [];
    const folders = [''];
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      for (const name of (await this.#root.list(folder)) ?? []) {
        if (names.length >= CONSIDERED) return names;
        const path = folder === '' ? name : `${folder}/${name}`;
        names.push(path);
        folders.push(path);
      }
    }
    return names;
  }
}
