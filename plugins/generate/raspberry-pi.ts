/**
 * `config.txt` of a Raspberry Pi: one key and value per line, under filters such as `[pi4]`.
 */
import { line } from './text.ts';

type Value = string | number | boolean;

/** Keys of `config.txt`. A list repeats its key (`dtoverlay`); an object is the section of a filter: `{ pi4: { … } }`. */
export type RaspberryPiConfig = Readonly<
  Record<string, Value | readonly Value[] | Readonly<Record<string, Value | readonly Value[]>>>
>;

/** Characters of a line that the firmware reads. */
const LINE_LENGTH = 98;

/** Throws an Error for a key or a value that the firmware would misread. */
export function raspberryPiConfig(config: RaspberryPiConfig): string {
  const isSection = (value: RaspberryPiConfig[string]) => typeof value === 'object' && !Array.isArray(value);
  const plain = Object.entries(config).filter(([, value]) => !isSection(value));
  const sections = Object.entries(config).filter(([, value]) => isSection(value));
  return [
    ...plain.flatMap(([key, value]) => lines(key, value as Value | readonly Value[])),
    ...sections.flatMap(([name, section]) => {
      if (!/^[\w-]+(?:[=:][\w-]+)?$/.test(name))
        throw new Error(`a section must be named after a filter, not ${JSON.stringify(name)}`);
      return [
        `[${name}]`,
        ...Object.entries(section as Readonly<Record<string, Value>>).flatMap(([key, value]) => lines(key, value)),
      ];
    }),
    // Lines appended later apply to every model.
    ...(sections.length > 0 ? ['[all]'] : []),
    '',
  ].join('\n');
}

function lines(key: string, value: Value | readonly Value[]): string[] {
  if (!/^\w[\w:-]*$/.test(key)) throw new Error(`a key may contain only letters, digits and _, not ${JSON.stringify(key)}`);
  return (Array.isArray(value) ? value : [value]).map((one: Value) => {
    const text = typeof one === 'boolean' ? String(Number(one)) : line(String(one), key);
    // `initramfs` is the only key without `=`.
    const written = `${key}${key === 'initramfs' ? ' ' : '='}${text}`;
    if (written.length > LINE_LENGTH)
      throw new Error(`${key} makes a line of ${written.length} characters; the firmware reads only ${LINE_LENGTH}`);
    return written;
  });
}
