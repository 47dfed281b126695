/**
 * Names that a boot loader requests once it runs, in its order, until one exists. They are compiled into it, so they follow from
 * its name and folder.
 */
import type { LoaderKind } from '../base/loader.ts';
import type { Client } from '../plugin/types.ts';
import { UNKNOWN_ADDRESS } from './machines.ts';

/** @param loader its name under the root. @returns an empty list if it requests none or they are unknown */
export function configNames(kind: LoaderKind, loader: string, client: Client): readonly string[] {
  const folder = loader.slice(0, loader.lastIndexOf('/') + 1);
  switch (kind) {
    case 'pxelinux':
    case 'syslinux':
      return pxelinuxNames(client).map((name) => `${folder}pxelinux.cfg/${name}`);
    case 'u-boot':
      return ['boot.scr.uimg', 'boot.scr', ...pxelinuxNames(client).map((name) => `pxelinux.cfg/${name}`)];
    case 'grub': {
      // Where an image looks is its `prefix`: Red Hat's is the folder that it came from, Debian's /grub, that of grub-mknetdir /boot/grub.
      const suffixes = [...hardware(client).map((mac) => `-${mac}`), ...hexPrefixes(client).map((hex) => `-${hex}`), ''];
      return [...new Set([folder, 'grub/', 'boot/grub/'])].flatMap((at) => suffixes.map((suffix) => `${at}grub.cfg${suffix}`));
    }
    case 'raspberry-pi': {
      const at = client.serial === undefined ? [] : [`${client.serial}/config.txt`];
      return [...at, 'config.txt'];
    }
    default:
      return [];
  }
}

function pxelinuxNames(client: Client): readonly string[] {
  return [...(client.uuid === undefined ? [] : [client.uuid]), ...hardware(client), ...hexPrefixes(client), 'default'];
}

/** With the hardware type of Ethernet before it. */
function hardware({ mac }: Client): readonly string[] {
  return mac === undefined ? [] : [`01-${mac.replaceAll(':', '-')}`];
}

/** `C0A80714`, `C0A8071`, … */
function hexPrefixes({ address }: Client): readonly string[] {
  if (address === UNKNOWN_ADDRESS || !/^\d+(\.\d+){3}$/.test(address)) return [];
  const hex = address
    .split('.')
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
  return Array.from({ length: hex.length }, (_, index) => hex.slice(0, hex.length - index));
}
