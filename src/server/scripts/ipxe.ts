/**
 * Finds all files that a script of iPXE may load. The script is read from top to bottom, as if every menu entry were chosen and
 * every jump taken. Conditions on settings that are known (`isset ${mac} || …`) are honoured.
 */
import { loaderKind } from '../../base/loader.ts';
import type { FileRole, NamedFile } from './script.ts';

/** Settings by name: `mac`, `ip`, `next-server`; those of a device (`net0/mac`) are the same. */
export type Settings = Readonly<Record<string, string | undefined>>;

/** `#!ipxe`, or gPXE's own. */
export function isIpxeScript(text: string): boolean {
  return /^#![ig]pxe\b/.test(text);
}

export function filesOfIpxe(text: string, settings: Settings = {}): readonly NamedFile[] {
  const known = new Map(Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const files: NamedFile[] = [];
  let entry: string | undefined;
  for (const { words, line } of linesOf(text)) {
    if (words[0]?.startsWith(':')) entry = words[0].slice(1);
    let succeeded: boolean | undefined = true;
    for (const { after, command } of commandsOf(words)) {
      if ((after === '||' && succeeded === true) || (after === '&&' && succeeded === false)) continue;
      const [name = '', ...rest] = command.map((word) => expand(word, known));
      succeeded = run(name.toLowerCase(), rest, known);
      const file = fileOf(name.toLowerCase(), rest);
      if (file) files.push({ ...file, line, ...(entry !== undefined && { entry }) });
    }
  }
  return files;
}

interface Line {
  readonly words: readonly string[];
  readonly line: number;
}

/** The lines without comments, with those that end in a backslash joined. */
function linesOf(text: string): readonly Line[] {
  const lines: Line[] = [];
  let begun: { text: string; line: number } | undefined;
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const whole: { text: string; line: number } = begun
      ? { ...begun, text: `${begun.text} ${written}` }
      : { text: written, line: index + 1 };
    begun = whole.text.endsWith('\\') ? { ...whole, text: whole.text.slice(0, -1) } : undefined;
    if (begun) continue;
    const words = whole.text.trim().split(/\s+/);
    const comment = words.findIndex((word) => word.startsWith('#'));
    lines.push({ words: (comment < 0 ? words : words.slice(0, comment)).filter((word) => word !== ''), line: whole.line });
  }
  return lines;
}

function commandsOf(words: readonly string[]): readonly { readonly after: string; readonly command: readonly string[] }[] {
  const commands: { after: string; command: string[] }[] = [{ after: ';', command: [] }];
  for (const word of words) {
    if (['||', '&&', ';'].includes(word)) commands.push({ after: word, command: [] });
    else commands.at(-1)!.command.push(word);
  }
  return commands.filter(({ command }) => command.length > 0);
}

/** Expands settings such as `${net0/mac:hexhyp}`; an unknown one is left unchanged. */
function expand(word: string, known: ReadonlyMap<string, string>): string {
  return word.replace(/\$\{([^{}]*)\}/g, (whole, setting: string) => {
    const [path = '', type] = setting.split(':');
    const value = known.get(path) ?? known.get(path.replace(/^.*\//, ''));
    if (value === undefined) return whole;
    if (type === 'hexhyp') return value.replaceAll(':', '-');
    if (type === 'hexraw') return value.replaceAll(':', '');
    return type === 'uristring' ? encodeURIComponent(value) : value;
  });
}

/** @returns whether it succeeds, if known */
function run(command: string, [first = '', ...rest]: readonly string[], known: Map<string, string>): boolean | undefined {
  switch (command) {
    case 'set':
      known.set(first, rest.join(' '));
      return true;
    case 'isset':
      return first.includes('${') ? undefined : first !== '';
    case 'iseq':
      return [first, ...rest].some((word) => word.includes('${')) ? undefined : first === rest[0];
    default:
      return undefined;
  }
}

const ROLES: Readonly<Record<string, FileRole>> = {
  kernel: 'kernel',
  imgselect: 'kernel',
  imgload: 'kernel',
  initrd: 'initrd',
  module: 'initrd',
  imgfetch: 'image',
  chain: 'script',
  imgexec: 'script',
  boot: 'kernel',
  sanboot: 'image',
  sanhook: 'image',
  shim: 'loader',
};

/** Options that are followed by a value. */
const VALUED = ['--name', '-n', '--timeout', '-t', '--drive', '-d', '--filename', '-f'];

function fileOf(command: string, words: readonly string[]): Pick<NamedFile, 'role' | 'name'> | undefined {
  const role = ROLES[command];
  if (role === undefined) return undefined;
  const at = words.findIndex((word, index) => !word.startsWith('-') && !VALUED.includes(words[index - 1] ?? ''));
  const name = words[at];
  // `boot` and `imgexec` may also name an image that is already loaded, by its short name.
  if (name === undefined || (['boot', 'imgexec', 'imgselect'].includes(command) && !/[/.]/.test(name))) return undefined;
  const kind = loaderKind(name);
  const isLoader = role === 'script' && kind !== undefined && kind !== 'ipxe-script' && kind !== 'kernel';
  return { role: isLoader || /\.efi$/i.test(name) ? (role === 'kernel' ? role : 'loader') : role, name };
}
