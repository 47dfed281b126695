/**
 * iPXE scripts. iPXE parts a line at blanks and knows no quotes; `${…}` is filled in by iPXE itself.
 */
import { argumentsOf, checkMenu, type Menu, type MenuEntry, words } from './menu.ts';
import { count, line, word } from './text.ts';

/** A script that starts the one entry, or asks which. Throws an Error for what iPXE would take for something else. */
export function ipxeScript(menu: Menu): string {
  const { first } = checkMenu(menu);
  const { entries, title, timeoutSeconds } = menu;
  if (entries.length === 1) return script(['#!ipxe', ...startLines(entries[0]!)]);
  const timeout =
    timeoutSeconds === undefined ? '' : ` --timeout ${count(timeoutSeconds * 1000, 'timeoutSeconds in milliseconds')}`;
  return script([
    '#!ipxe',
    ':menu',
    `menu ${plain(title ?? 'Boot', 'title of the menu')}`,
    ...entries.map((entry) => `item ${entry.label} ${plain(entry.title ?? entry.label, `title of ${entry.label}`)}`),
    `choose --default ${first}${timeout} selected || exit`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: for iPXE to fill in
    'goto entry-${selected}',
    ...entries.flatMap((entry) => [`:entry-${entry.label}`, ...startLines(entry), 'goto menu']),
  ]);
}

/** Ends the script unless it fails: then what follows is run. */
function startLines(entry: MenuEntry): string[] {
  const of = `of ${entry.label}`;
  if (entry.localBoot) return ['exit'];
  if (entry.chain !== undefined) return [`chain ${bare(word(entry.chain, `chain ${of}`), `chain ${of}`)}`];
  const initrds = words(entry.initrd, `initrd ${of}`);
  // UEFI hands the kernel its initrd by the name that the command line has.
  const names = initrds.map((url) => `initrd=${url.replace(/[?#].*$/, '').replace(/^.*\//, '')}`);
  const args = argumentsOf(entry.append).map((one) => plain(one, `append ${of}`));
  const kernel = bare(word(entry.kernel, `kernel ${of}`), `kernel ${of}`);
  return [
    ['kernel', kernel, ...names, ...args].join(' '),
    ...initrds.map((url) => `initrd ${bare(url, `initrd ${of}`)}`),
    'boot',
  ];
}

function plain(text: string, what: string): string {
  return line(text, what)
    .split(/\s+/)
    .map((one) => bare(one, what))
    .join(' ');
}

/** Words that part commands, or begin a comment. */
function bare(text: string, what: string): string {
  if (/^(\|\||&&|;)$|^#/.test(text))
    throw new Error(`${what} holds ${JSON.stringify(text)}, which iPXE takes for a command's end`);
  return text;
}

function script(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
