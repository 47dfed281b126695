/**
 * What a machine makes of the answers that it gets: the order in which EDK2 and iPXE rank them. Pure.
 */
import { addressOf } from '../protocol/packet.ts';
import { PxeTag } from '../protocol/pxe-options.ts';
import { isDirect, isPxeClass, namesFile, type Offer } from './offer.ts';
import type { Probe } from './probes.ts';

/** Where a program is loaded from. */
export type Program =
  | { readonly by: 'tftp'; readonly server: string; readonly file: string }
  | { readonly by: 'http'; readonly url: string };

export type Choice =
  | { readonly kind: 'no-address' }
  /** An address, and nothing to boot. */
  | { readonly kind: 'no-boot'; readonly address: Offer }
  /** The machine asks this address at port 4011, for an entry of the offer's menu if there is one. */
  | {
      readonly kind: 'boot-server';
      readonly address: Offer;
      readonly boot: Offer;
      readonly server: string;
      readonly item?: Uint8Array;
    }
  /** A menu of the offer; an entry of type 0 boots from the disk. */
  | { readonly kind: 'menu'; readonly address: Offer; readonly boot: Offer }
  | { readonly kind: 'program'; readonly address: Offer; readonly boot: Offer; readonly program: Program };

/** @param offers in the order of arrival */
export function choose(probe: Probe, offers: readonly Offer[]): Choice {
  const usable = offers.filter((offer) => probe.selection === 'ipxe' || offer.serverId !== undefined);
  const address = usable.find(({ isProxy }) => !isProxy);
  if (address === undefined) return { kind: 'no-address' };
  switch (probe.selection) {
    case 'edk2':
      return chooseAsEdk2(usable, address);
    case 'edk2-http':
      return chooseUrl(usable, address);
    case 'ipxe':
      return chooseAsIpxe(usable, address);
    case 'raspberry-pi':
      return chooseAsPi(usable, address);
  }
}

/** What a machine loads by an answer from port 4011; `undefined` if that names no file. */
export function programOf(offer: Offer, fallback?: string): Program | undefined {
  const name = offer.bootFile || offer.file;
  const server = bootListServer(offer) ?? offer.nextServer ?? offer.serverId ?? fallback;
  return toProgram(name, server);
}

/** EDK2's PxeBcSelectBootOffer, as the comment of each line names it. */
function chooseAsEdk2(offers: readonly Offer[], first: Offer): Choice {
  const has = (kind: Offer['kind'], isProxy: boolean) => offers.find((one) => one.kind === kind && one.isProxy === isProxy);
  const plain = has('plain', false);
  // DhcpPxe10
  const whole = has('pxe', false);
  if (whole) return byOffer(whole, whole);
  // DhcpOnly + ProxyPxe10
  const proxy = has('pxe', true);
  if (plain && proxy) return byOffer(plain, proxy);
  // DhcpBinl
  const captured = has('boot-server', false);
  if (captured) return byBootServer(captured, captured);
  // DhcpOnly + ProxyBinl
  const asking = has('boot-server', true);
  if (plain && asking) return byBootServer(plain, asking);
  // DhcpOnly with a file, then BOOTP
  const named = offers.find((one) => !one.isProxy && namesFile(one));
  return named ? byOffer(named, named) : { kind: 'no-boot', address: first };
}

/** An offer of class `HTTPClient` with a URI; others are dropped (HttpBootDhcp4.c). */
function chooseUrl(offers: readonly Offer[], address: Offer): Choice {
  const boot = offers.find((one) => one.vendorClass?.startsWith('HTTPClient') && isUrl(one.bootFile || one.file));
  const program = boot && programOf(boot);
  return boot && program ? { kind: 'program', address, boot, program } : { kind: 'no-boot', address };
}

/** iPXE's dhcp.c: any offer of class PXEClient is a proxy's, and the last one counts. `file` is preferred to option 67. */
function chooseAsIpxe(offers: readonly Offer[], address: Offer): Choice {
  const proxies = address.skipsProxies ? [] : offers.filter((one) => isPxeClass(one) && one.server !== '');
  const boot = proxies.findLast(({ isProxy }) => isProxy) ?? proxies.at(-1);
  if (boot !== undefined) {
    if (boot.pxe.has(PxeTag.menu) && !(isDirect(boot) && namesFile(boot))) return byMenu(address, boot);
    const program = toProgram(boot.file || boot.bootFile, boot.nextServer);
    if (program) return { kind: 'program', address, boot, program };
    return { kind: 'boot-server', address, boot, server: boot.server };
  }
  const program = toProgram(address.file || address.bootFile, address.nextServer);
  return program ? { kind: 'program', address, boot: address, program } : { kind: 'no-boot', address };
}

/** It looks for the text of its menu, and ignores file names. */
function chooseAsPi(offers: readonly Offer[], address: Offer): Choice {
  const boot = offers.find((one) => isPxeClass(one) && contains(one.pxe.get(PxeTag.menu), 'Raspberry Pi Boot'));
  const server = boot && (boot.nextServer ?? boot.tftpServer ?? boot.serverId);
  if (boot === undefined || server === undefined) return { kind: 'no-boot', address };
  return { kind: 'program', address, boot, program: { by: 'tftp', server, file: 'bootcode.bin' } };
}

function byOffer(address: Offer, boot: Offer): Choice {
  if (boot.pxe.has(PxeTag.menu) && !isDirect(boot)) return byMenu(address, boot);
  const program = programOf(boot);
  return program ? { kind: 'program', address, boot, program } : { kind: 'no-boot', address };
}

/** A menu whose first entry is a type of boot server leads to port 4011; type 0 is the local disk. */
function byMenu(address: Offer, boot: Offer): Choice {
  const menu = boot.pxe.get(PxeTag.menu)!;
  const type = (menu[0] ?? 0) * 256 + (menu[1] ?? 0);
  if (type === 0) return { kind: 'menu', address, boot };
  // PXE 2.1 §2.2.4: type and layer.
  const item = Uint8Array.of(menu[0]!, menu[1]!, 0, 0);
  return { kind: 'boot-server', address, boot, server: bootListServer(boot) ?? boot.server, item };
}

function byBootServer(address: Offer, boot: Offer): Choice {
  return { kind: 'boot-server', address, boot, server: boot.nextServer ?? boot.server };
}

/** The first address of the first entry of 43.8, which counts where bit 3 of 43.6 is set or a menu needs it. */
function bootListServer(offer: Offer): string | undefined {
  const list = offer.pxe.get(PxeTag.bootServers);
  return list && list.length >= 7 ? addressOf(list.slice(3, 7)) : undefined;
}

function toProgram(name: string, server: string | undefined): Program | undefined {
  if (name === '') return undefined;
  if (isUrl(name)) return { by: 'http', url: name };
  return server === undefined ? undefined : { by: 'tftp', server, file: name };
}

function isUrl(name: string): boolean {
  return /^https?:\/\//i.test(name);
}

function contains(bytes: Uint8Array | undefined, text: string): boolean {
  return (
    bytes !== undefined &&
    Array.from(bytes, (byte) => String.fromCharCode(byte))
      .join('')
      .includes(text)
  );
}
