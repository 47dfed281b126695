/**
 * Resolves a name in a boot script to a file under the root: an absolute or relative name, or a URL of this server.
 */
import { ANY_SERVER } from './http-origin.ts';

/** A name of this server, or why it is not looked up; `isFault`: the machine does not get it either. */
export type Led =
  | { readonly name: string; readonly elsewhere?: undefined }
  | { readonly elsewhere: string; readonly isFault?: true; readonly name?: undefined };

const HTTP_OFF: Led = { elsewhere: 'this server does not serve HTTP', isFault: true };

/**
 * @param folder the base of relative names, with its slash: that of the loader or the script
 * @param server the server's own address
 * @param servesHttp whether it serves HTTP
 */
export function ledTo(written: string, folder: string, server: string, servesHttp: boolean): Led {
  if (written.includes('$')) return { elsewhere: 'it depends on a variable that is known only to the machine' };
  const own = (host: string | undefined) => host === undefined || host === '' || host === server || host === ANY_SERVER;
  // GRUB: (tftp), (http,192.168.7.1)
  const [, inDevice, devicePath] = /^\(+([^()]*)\)+\/?(.*)$/s.exec(written) ?? [];
  if (inDevice !== undefined) {
    const [device = '', host] = inDevice.split(',');
    if (!['tftp', 'http', 'pxe'].includes(device)) return { elsewhere: `it is on ${inDevice}, not on this server` };
    if (own(host) && device === 'http' && !servesHttp) return HTTP_OFF;
    return own(host) ? led(devicePath!) : { elsewhere: `it is on ${host}, another server` };
  }
  const [, scheme, authority = '', path = ''] = /^([a-z][a-z\d+.-]*):\/\/([^/]*)(\/.*)?$/is.exec(written) ?? [];
  if (scheme === undefined) return led(/^(?:::|[/\\])/.test(written) ? written.replace(/^::/, '') : folder + written);
  if (!/^(?:https?|tftp)$/i.test(scheme)) return { elsewhere: `${scheme}: is not served here` };
  const host = authority.replace(/^.*@/, '').replace(/:\d+$/, '');
  if (!own(host)) return { elsewhere: `it is on ${host}, another server` };
  const isHttp = /^https?$/i.test(scheme);
  if (isHttp && !servesHttp) return HTTP_OFF;
  return isHttp ? led(decoded(path.replace(/[?#].*$/s, ''))) : led(path);
}

/** Removes `.`, `..` and empty parts, as the loader does. */
function led(path: string): Led {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.length === 0 ? { elsewhere: 'it names no file' } : { name: parts.join('/') };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
