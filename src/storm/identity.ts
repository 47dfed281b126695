/**
 * Who a machine of a storm claims to be. Everything follows from its number, so that a storm finds what was made for it.
 */

export interface Identity {
  /** From 1. */
  readonly number: number;
  /** `52:54:00:00:00:01` */
  readonly mac: string;
  /** As PXELINUX spells it. */
  readonly uuid: string;
  /** An IPv4 address of 10.0.0.0/8 in upper-case hexadecimal, as PXELINUX asks for it: `0A000001`. */
  readonly hexAddress: string;
}

export function identityOf(number: number): Identity {
  const tail = (number & 0xffffff).toString(16).padStart(6, '0');
  return {
    number,
    mac: `52:54:00:${tail.match(/../g)!.join(':')}`,
    uuid: `00000000-0000-0000-0000-525400${tail}`,
    hexAddress: `0A${tail.toUpperCase()}`,
  };
}

/** A name with `{n}` and `{mac}` filled in. */
export function nameFor(name: string, { number, mac }: Identity): string {
  return name.replaceAll('{n}', String(number)).replaceAll('{mac}', mac.replaceAll(':', '-'));
}
