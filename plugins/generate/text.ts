/**
 * What may stand in a line of a boot loader's file. Each function returns the text as it stands in the file, or throws an Error that
 * names what is wrong with it: a value must not add lines, and a word must not end where the boot loader would part it.
 */

/** Text on one line. @param what names it in an error: `title of "web"` */
export function line(text: string, what: string): string {
  if (CONTROL.test(text)) throw new Error(`${what} contains a line break or another control character`);
  return text;
}

/** Text without blanks. */
export function word(text: string, what: string): string {
  if (text === '') throw new Error(`${what} is empty`);
  if (/\s/.test(line(text, what))) throw new Error(`${what} contains a space: ${JSON.stringify(text)}`);
  return text;
}

/** A name that means nothing else to any boot loader. */
export function label(text: string): string {
  if (!/^[a-z0-9][\w.-]*$/i.test(text))
    throw new Error(`a label may contain only letters, digits, _, . and -, not ${JSON.stringify(text)}`);
  return text;
}

/** A whole number from 0 on. */
export function count(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${what} must be a whole number of at least 0, not ${value}`);
  return value;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
