/**
 * A boot menu, whatever boot loader it is written for: `ipxeScript`, `pxelinuxMenu` and `grubMenu` take the same.
 */
import { label, word } from './text.ts';

export interface Menu {
  readonly title?: string | undefined;
  /** The label of the entry that starts when nobody chooses. Default: the first. */
  readonly default?: string | undefined;
  /** So long is waited for a choice; 0 waits for none. Left out: without end where there is a choice. */
  readonly timeoutSeconds?: number | undefined;
  readonly entries: readonly MenuEntry[];
}

/** One thing to start: a kernel, another boot loader, or what is on the machine's disk. */
export type MenuEntry = {
  /** Letters, digits, `_`, `.` and `-`. */
  readonly label: string;
  /** For people. Default: the label. */
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

/** Throws an Error for a menu without entries, labels that are none or are there twice, and a default that is not there. */
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

/** Names of files, each without blanks. */
export function words(values: string | readonly string[] | undefined, what: string): readonly string[] {
  return (typeof values === 'string' ? [values] : (values ?? [])).map((value) => word(value, what));
}

/** A command line's arguments; text is parted at blanks outside of double quotes. */
export function argumentsOf(append: string | readonly string[] | undefined): readonly string[] {
  if (typeof append !== 'string') return append ?? [];
  return append.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}
