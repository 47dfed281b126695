/**
 * Checks text for a line of a boot loader's file: a value must not add lines, and a word must not be split by the boot loader.
 * Each function returns the text as it is written to the file, or throws an Error that says what is wrong with it.
 */

/** Text on one line. @param what names it in an error: `title of "web"` */
export function line(text: string, what: string): string {
  if (CONTROL.test(text)) throw new Error(`${what} contains a line break or another control character`);
  return text;
}

/** Non-empty text without blanks. */
export function word(text: string, what: string): string {
  if (text === '') throw new Error(`${what} is empty`);
  if (/\s/.test(line(text, what))) throw new Error(`${what} contains a space: ${JSON.stringify(text)}`);
  return text;
}

/** A name without special meaning to any boot loader. */
export function label(text: string): string {
  if (!/^[a-z0-9][\w.-]*$/i.test(text))
    throw new Error(`a label may contain only letters, digits, _, . and -, not ${JSON.stringify(text)}`);
  return text;
}

/** A non-negative whole number. */
export function count(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${what} must be a whole number of at least 0, not ${value}`);
  return value;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
