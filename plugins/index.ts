/**
 * The plugins that come with `pxe`. Re-exports only.
 */
export { type AccessLogOptions, accessLog } from './access-log.ts';
export type { GenerateContext } from './generate/context.ts';
export { grubMenu } from './generate/grub.ts';
export { ipxeScript } from './generate/ipxe.ts';
export type { Menu, MenuEntry } from './generate/menu.ts';
export type { GeneratedFiles, GenerateOptions, Generator, TemplateRule } from './generate/options.ts';
export { type PxelinuxMenu, pxelinuxMenu } from './generate/pxelinux.ts';
export { type RaspberryPiConfig, raspberryPiConfig } from './generate/raspberry-pi.ts';
export { generate } from './generate.ts';
export type { GroupEntry, HostEntry, HostRow, HostsOptions } from './hosts/options.ts';
export { hosts } from './hosts.ts';
export { httpOrigin } from './http-origin.ts';
export { type IdentifyOptions, identify, type LeaseFileOption } from './identify.ts';
export type { FormatName as LeaseFormatName } from './leases/formats.ts';
export { hexAddress } from './lib/address.ts';
export {
  type MapFile,
  type MapLabel,
  type MapLine,
  type MapMistake,
  type MapPiece,
  type MapRule,
  parseMapFile,
} from './map-file.ts';
export type { Neighbour, NeighbourReader } from './neighbours.ts';
export { type NormalizeOptions, normalize } from './normalize.ts';
export { type RewriteFunction, type RewriteRule, rewrite } from './rewrite.ts';
export { type TftpdMapOptions, tftpdMap } from './tftpd-map.ts';
