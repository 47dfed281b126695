/**
 * Which file is the last of a boot: what a kernel's or an image's name tells, and what boots before have shown. It knows no times.
 */

/** Pairs of a first and a last file that are remembered. */
const MAX_PAIRS = 1024;

/** What a boot loader starts, and so loads last: `vmlinuz-6.12`, `initrd.gz`, `boot.wim`, `kernel8.img`, `rootfs.squashfs`. */
const PAYLOAD = /(^|\/)(vmlinu[xz]|bzimage|linux|kernel\d*|initrd|initramfs)([._-][^/]*)?$|\.(wim|squashfs|img|iso|gz|xz|cpio)$/i;

export class LastSteps {
  /** By first and last file: whether boots that began with the one have ended with the other. */
  readonly #pairs = new Map<string, boolean>();

  /** Whether a boot that began with `first` is over once `last` has been loaded, as far as anyone can tell. */
  isLast(first: string, last: string): boolean {
    return this.#pairs.get(keyOf(first, last)) ?? PAYLOAD.test(last);
  }

  /** A boot has ended so, and nothing came after it. */
  learn(first: string, last: string): void {
    const key = keyOf(first, last);
    if (this.#pairs.has(key)) return;
    if (this.#pairs.size >= MAX_PAIRS) this.#pairs.delete(this.#pairs.keys().next().value!);
    this.#pairs.set(key, true);
  }

  /** A boot seemed to have ended so, and went on. */
  distrust(first: string, last: string): void {
    this.learn(first, last);
    this.#pairs.set(keyOf(first, last), false);
  }
}

function keyOf(first: string, last: string): string {
  return `${first}\0${last}`;
}
