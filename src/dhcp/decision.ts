/**
 * From what a plugin says to what a packet can say: a file under the root becomes a name for TFTP, or a URL for firmware that takes
 * one. Pure.
 */
import type { Boot } from '../plugin/route.ts';
import type { BootClient } from './protocol/boot-client.ts';
import type { Decision } from './protocol/offer.ts';

/** Why a machine cannot be offered what it is to boot. */
export type Impossible = 'http-is-off' | 'takes-no-url';

/** @param httpOrigin where the machine reaches this server's files by HTTP: `http://192.168.7.1:8080`; `undefined` if they are not served */
export function decisionFor(
  boot: Boot,
  { vendorClass, isIpxe }: Pick<BootClient, 'vendorClass' | 'isIpxe'>,
  httpOrigin: string | undefined,
): Decision | Impossible {
  const takesUrl = vendorClass === 'HTTPClient' || isIpxe;
  switch (boot.kind) {
    case 'disk':
      return { kind: 'disk' };
    case 'url':
      return takesUrl ? { kind: 'file', name: boot.url } : 'takes-no-url';
    case 'file':
      if (takesUrl && httpOrigin !== undefined) return { kind: 'file', name: `${httpOrigin}/${pathOf(boot.name)}` };
      return vendorClass === 'HTTPClient' ? 'http-is-off' : { kind: 'file', name: boot.name };
  }
}

function pathOf(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/');
}
