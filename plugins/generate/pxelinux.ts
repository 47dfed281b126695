/**
 * PXELINUX menus (SYSLINUX): each line is a keyword and its value, without quotes.
 */
import { argumentsOf, checkMenu, type Menu, type MenuEntry, words } from './menu.ts';
import { count, line, word } from './text.ts';

export interface PxelinuxMenu extends Menu {
  /** The module that shows a menu of several entries. Default `menu.c32`; `false`: a plain prompt. */
  readonly ui?: string | false | undefined;
}

/** Throws an Error for a value that PXELINUX would misread. */
export function pxelinuxMenu(menu: PxelinuxMenu): string {
  const { first } = checkMenu(menu);
  const { entries, title, timeoutSeconds, ui = 'menu.c32' } = menu;
  const choice = entries.length > 1;
  return [
    ...(choice && ui !== false ? [`UI ${word(ui, 'ui')}`] : []),
    `DEFAULT ${first}`,
    `PROMPT ${choice && ui === false ? 1 : 0}`,
    // 0 would wait forever.
    ...(timeoutSeconds === undefined
      ? []
      : [`TIMEOUT ${Math.max(1, count(Math.round(timeoutSeconds * 10), 'timeoutSeconds in tenths'))}`]),
    ...(title === undefined ? [] : [`MENU TITLE ${line(title, 'menu title')}`]),
    ...entries.flatMap((entry) => ['', ...entryLines(entry)]),
    '',
  ].join('\n');
}

function entryLines(entry: MenuEntry): string[] {
  const of = `of ${entry.label}`;
  const head = [
    `LABEL ${entry.label}`,
    ...(entry.title === undefined ? [] : [`  MENU LABEL ${line(entry.title, `title ${of}`)}`]),
  ];
  if (entry.localBoot) return [...head, '  LOCALBOOT 0'];
  if (entry.chain !== undefined) return [...head, '  COM32 pxechn.c32', `  APPEND ${word(entry.chain, `chain ${of}`)}`];
  const initrds = words(entry.initrd, `initrd ${of}`);
  if (initrds.some((name) => name.includes(','))) throw new Error(`initrd ${of} contains a comma, which separates names`);
  const append = argumentsOf(entry.append).map((one) => line(one, `append ${of}`));
  return [
    ...head,
    `  KERNEL ${word(entry.kernel, `kernel ${of}`)}`,
    ...(initrds.length > 0 ? [`  INITRD ${initrds.join(',')}`] : []),
    ...(append.length > 0 ? [`  APPEND ${append.join(' ')}`] : []),
  ];
}
