/**
 * A boot menu independent of the boot loader: `ipxeScript`, `pxelinuxMenu` and `grubMenu` all take it.
 */
import { label, word } from './text.ts';

export interface Menu {
  readonly title?: string | undefined;
  /** The label of the entry that starts without a choice. Default: the first. */
  readonly default?: string | undefined;
  /** Time to wait for a choice; with 0 the default starts immediately. Without it, a menu of several entries waits forever. */
  readonly timeoutSeconds?: number | undefined;
  readonly entries: readonly MenuEntry[];
}

/** An entry: a kernel, another boot loader, or the machine's local disk. */
export type MenuEntry = {
  /** Letters, digits, `_`, `.` and `-`. */
  readonly label: string;
  /** Shown in the menu. Default: the label. */
  readonly title?: string | undefined;
} & (
  | {
      /** A name under the root, or a URL where the boot loader can. */
      readonly kernel: string;
      readonly initrd?: string | readonly string[] | undefined;
      /** The kernel's command line: text, or arguments one by one. */
      readonly append?: string | readonly string[] | undefined;
      readonly chain?: undefined;
      readonly localBoot?: undefined;
    }
  | {
      /** Another boot loader. */
      readonly chain: string;
      readonly kernel?: undefined;
      readonly localBoot?: undefined;
    }
  | { readonly localBoot: true; readonly kernel?: undefined; readonly chain?: undefined }
);

/** Throws an Error for a menu without entries, for invalid or duplicate labels, and for a default that does not exist. */
export function checkMenu({ entries, default: chosen }: Menu): { readonly first: string } {
  const [entry] = entries;
  if (entry === undefined) throw new Error('a menu needs at least one entry');
  const labels = entries.map((one) => label(one.label));
  const twice = labels.find((one, index) => labels.indexOf(one) < index);
  if (twice !== undefined) throw new Error(`label ${JSON.stringify(twice)} appears twice`);
  const first = chosen ?? entry.label;
  if (!labels.includes(first))
    throw new Error(`default ${JSON.stringify(first)} is not a label; labels are ${labels.join(', ')}`);
  return { first };
}

/** File names without blanks. */
export function words(values: string | readonly string[] | undefined, what: string): readonly string[] {
  return (typeof values === 'string' ? [values] : (values ?? [])).map((value) => word(value, what));
}

/** The arguments of a command line; text is split at blanks outside double quotes. */
export function argumentsOf(append: string | readonly string[] | undefined): readonly string[] {
  if (typeof append !== 'string') return append ?? [];
  return append.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}
