/**
 * Decides which file is the last of a boot, by names of kernels and images and by earlier boots. It knows no times.
 */

/** Maximum remembered pairs of a first and a last file. */
const MAX_PAIRS = 1024;

/**
 * Files that a boot loader starts and therefore loads last: `vmlinuz-6.12`, `initrd.gz`, `boot.wim`, `kernel8.img`,
 * `rootfs.squashfs`.
 */
const PAYLOAD = /(^|\/)(vmlinu[xz]|bzimage|linux|kernel\d*|initrd|initramfs)([._-][^/]*)?$|\.(wim|squashfs|img|iso|gz|xz|cpio)$/i;

export class LastSteps {
  /** By first and last file: whether boots that began with the first ended with the last. */
  readonly #pairs = new Map<string, boolean>();

  /** Whether a boot that began with `first` is probably over once `last` has been loaded. */
  isLast(first: string, last: string): boolean {
    return this.#pairs.get(keyOf(first, last)) ?? PAYLOAD.test(last);
  }

  /** A boot ended with this pair. */
  learn(first: string, last: string): void {
    const key = keyOf(first, last);
    if (this.#pairs.has(key)) return;
    if (this.#pairs.size >= MAX_PAIRS) this.#pairs.delete(this.#pairs.keys().next().value!);
    this.#pairs.set(key, true);
  }

  /** A boot seemed to have ended with this pair but went on. */
  distrust(first: string, last: string): void {
    this.learn(first, last);
    this.#pairs.set(keyOf(first, last), false);
  }
}

function keyOf(first: string, last: string): string {
  return `${first}\0${last}`;
}
