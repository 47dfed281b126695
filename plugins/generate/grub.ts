/**
 * GRUB 2 menus. The syntax is a shell's: text that is not known to be harmless is put in single quotes.
 */
import { argumentsOf, checkMenu, type Menu, type MenuEntry, words } from './menu.ts';
import { count, line, word } from './text.ts';

/** Throws an Error for a value that GRUB's syntax cannot express. */
export function grubMenu(menu: Menu): string {
  const { first } = checkMenu(menu);
  const { entries, title, timeoutSeconds } = menu;
  return [
    `set default=${quoted(first)}`,
    // Without a timeout GRUB waits; a menu of one entry has nothing to wait for.
    ...(timeoutSeconds === undefined && entries.length > 1
      ? []
      : [`set timeout=${count(timeoutSeconds ?? 0, 'timeoutSeconds')}`]),
    ...(title === undefined ? [] : [`# ${line(title, 'menu title')}`]),
    ...entries.flatMap((entry) => [
      `menuentry ${quoted(line(entry.title ?? entry.label, `title of ${entry.label}`))} --id ${quoted(entry.label)} {`,
      ...startLines(entry).map((one) => `  ${one}`),
      '}',
    ]),
    '',
  ].join('\n');
}

function startLines(entry: MenuEntry): string[] {
  const of = `of ${entry.label}`;
  if (entry.localBoot) return ['exit'];
  if (entry.chain !== undefined) return [`chainloader ${quoted(word(entry.chain, `chain ${of}`))}`];
  const initrds = words(entry.initrd, `initrd ${of}`);
  const args = argumentsOf(entry.append).map((one) => quoted(line(one.replaceAll('"', ''), `append ${of}`)));
  return [
    ['linux', quoted(word(entry.kernel, `kernel ${of}`)), ...args].join(' '),
    ...(initrds.length > 0 ? [['initrd', ...initrds.map(quoted)].join(' ')] : []),
  ];
}

function quoted(text: string): string {
  return /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
