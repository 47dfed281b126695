/**
 * iPXE scripts. iPXE splits a line at blanks, has no quoting, and expands `${…}` itself.
 */
import { argumentsOf, checkMenu, type Menu, type MenuEntry, words } from './menu.ts';
import { count, line, word } from './text.ts';

/** A script that starts the only entry or shows a menu. Throws an Error for a value that iPXE would misread. */
export function ipxeScript(menu: Menu): string {
  const { first } = checkMenu(menu);
  const { entries, title = 'Boot', timeoutSeconds } = menu;
  if (entries.length === 1) return script(['#!ipxe', ...startLines(entries[0]!)]);
  // 0 would wait forever.
  const ms =
    timeoutSeconds === undefined ? undefined : Math.max(1, count(timeoutSeconds * 1000, 'timeoutSeconds in milliseconds'));
  return script([
    '#!ipxe',
    ':menu',
    `menu ${noOption(text(title, 'menu title'), 'menu title')}`,
    ...entries.map((entry) => `item ${entry.label} ${text(entry.title ?? entry.label, `title of ${entry.label}`)}`),
    `choose --default ${first}${ms === undefined ? '' : ` --timeout ${ms}`} selected || exit`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: for iPXE to fill in
    'goto entry-${selected}',
    ...entries.flatMap((entry) => [`:entry-${entry.label}`, ...startLines(entry), 'goto menu']),
  ]);
}

/** A failure ends the script. */
function startLines(entry: MenuEntry): string[] {
  const of = `of ${entry.label}`;
  const uri = (written: string, what: string) => noOption(text(word(written, what), what), what);
  if (entry.localBoot) return ['exit'];
  if (entry.chain !== undefined) return [`chain ${uri(entry.chain, `chain ${of}`)}`];
  const initrds = words(entry.initrd, `initrd ${of}`).map((one) => uri(one, `initrd ${of}`));
  // With UEFI the kernel finds its initrd by the name in the command line.
  const names = initrds.map((one) => `initrd=${one.replace(/[?#].*$/, '').replace(/^.*\//, '')}`);
  const args = argumentsOf(entry.append).map((one) => text(one, `append ${of}`));
  return [
    ['kernel', uri(entry.kernel, `kernel ${of}`), ...names, ...args].join(' '),
    ...initrds.map((one) => `initrd ${one}`),
    'boot',
  ];
}

/** Words, none of which separates commands, begins a comment or continues the line. */
function text(written: string, what: string): string {
  const parts = line(written, what).split(/\s+/);
  const wrong = parts.find((part) => /^(\|\||&&|;)$|^#|\\$/.test(part));
  if (wrong !== undefined) throw new Error(`${what} contains ${JSON.stringify(wrong)}, which iPXE would not read as text`);
  return parts.join(' ');
}

function noOption(written: string, what: string): string {
  if (written.startsWith('-'))
    throw new Error(`${what} begins with -, so iPXE would read it as an option: ${JSON.stringify(written)}`);
  return written;
}

function script(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
