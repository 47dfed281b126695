/**
 * Finds the files that a script of GRUB names. The script is read from top to bottom, as if every menu entry were chosen.
 */
import { loaderKind } from '../../base/loader.ts';
import type { FileRole, NamedFile } from './script.ts';

/** Variables by name: `prefix`, `net_default_server`. */
export type Variables = Readonly<Record<string, string | undefined>>;

export function filesOfGrub(text: string, variables: Variables = {}): readonly NamedFile[] {
  const known = new Map(Object.entries(variables).filter((one): one is [string, string] => one[1] !== undefined));
  const files: NamedFile[] = [];
  let entry: string | undefined;
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    for (const words of commandsOf(written)) {
      if (words[0] === '}') entry = undefined;
      const [command = '', ...rest] = words.slice(PREFIXES.includes(words[0]!) ? 1 : 0).map((word) => expand(word, known));
      if (command === 'menuentry' || command === 'submenu') entry = rest[0];
      const [, name, value] = (command === 'set' && /^(\w+)=(.*)$/s.exec(rest[0] ?? '')) || [];
      if (name !== undefined) known.set(name, value!);
      const role = ROLES[command];
      const named = role === undefined ? [] : role === 'initrd' ? rest : rest.filter((word) => !word.startsWith('-')).slice(0, 1);
      for (const one of named)
        files.push({ role: roleOf(role!, one), name: one, line: index + 1, ...(entry !== undefined && { entry }) });
    }
  }
  return files;
}

/** Words of the shell that a command may follow. */
const PREFIXES: readonly string[] = ['then', 'else', 'do', '!'];

const ROLES: Readonly<Record<string, FileRole>> = {
  linux: 'kernel',
  linuxefi: 'kernel',
  linux16: 'kernel',
  linux32: 'kernel',
  multiboot: 'kernel',
  multiboot2: 'kernel',
  kernel: 'kernel',
  initrd: 'initrd',
  initrdefi: 'initrd',
  initrd16: 'initrd',
  devicetree: 'image',
  chainloader: 'loader',
  configfile: 'config',
  source: 'config',
  '.': 'config',
};

function roleOf(role: FileRole, name: string): FileRole {
  return role === 'loader' && loaderKind(name) === 'kernel' ? 'kernel' : role;
}

/** A quoted text, a variable, an escaped character, blanks, the end of a command, or any other character. */
const TOKEN = /'[^']*'|"(?:[^"\\]|\\.)*"|\$\{\w+\}|\\.|\s+|[;{}]|./gs;

/** The commands of a line as words, without quotes and comments. */
function commandsOf(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) commands.at(-1)!.push(word);
    word = undefined;
  };
  for (const [token] of line.matchAll(TOKEN)) {
    if (token === '#' && word === undefined) break;
    if (/^[\s;{}]/.test(token)) {
      endWord();
      if (!/^\s/.test(token)) commands.push(...(token === '}' ? [['}'], []] : [[]]));
    } else word = (word ?? '') + unquoted(token);
  }
  endWord();
  return commands.filter((words) => words.length > 0);
}

function unquoted(token: string): string {
  if (/^(['"]).*\1$/s.test(token) && token.length > 1) return token.slice(1, -1);
  return token.length === 2 && token.startsWith('\\') ? token.slice(1) : token;
}

/** An unknown variable is left unchanged. */
function expand(word: string, known: ReadonlyMap<string, string>): string {
  return word.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced?: string, bare?: string) => known.get(braced ?? bare ?? '') ?? whole,
  );
}
