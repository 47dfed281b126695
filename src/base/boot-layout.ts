/** From the layout that most firmware accepts to the rarest. */
export const bootLayouts = ['direct', 'binl', 'menu'] as const;

/**
 * How a boot file is offered by DHCP: in the offer itself; only by port 4011, as some UEFI firmware requires; or with a prompt, as
 * other firmware requires.
 */
export type BootLayout = (typeof bootLayouts)[number];
