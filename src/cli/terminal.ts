/**
 * Text for a terminal. Text from clients may contain control bytes, which must not reach the terminal.
 */

/**
 * Control characters that JSON does not escape: those of a terminal beyond ASCII, line ends, and those that change the text
 * direction.
 */
export const UNSEEN = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const CONTROLS = new RegExp(`[\\x00-\\x1f]|${UNSEEN.source}`, 'g');

/** Control characters made visible: `\x1b`. */
export function visible(text: string): string {
  return text.replace(CONTROLS, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** The same for text on several lines. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

/** `1.4 MiB` */
export function byteCount(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = Math.min(units.length - 1, bytes === 0 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return unit === 0 ? `${bytes} B` : `${(bytes / 1024 ** unit).toFixed(1)} ${units[unit]}`;
}

/** `12 s`, `5 min`, `3 h`, `2 d` */
export function duration(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const;
  const [unit, length] = units.find(([, length]) => ms >= length) ?? ['ms', 1];
  return `${Math.floor(ms / length)} ${unit}`;
}
