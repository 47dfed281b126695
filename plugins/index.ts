/**
 * The plugins that come with `pxe`. Re-exports only. (Generated content comes later.)
 */
export { accessLog } from './access-log.ts';
export { hexAddress } from './address.ts';
export type { GroupEntry, HostEntry, HostRow, HostsOptions } from './hosts/options.ts';
export { hosts } from './hosts.ts';
export { httpOrigin } from './http-origin.ts';
export { type IdentifyOptions, identify, type LeaseFileOption } from './identify.ts';
export type { FormatName as LeaseFormatName } from './leases/formats.ts';
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
export { type RewriteFunction, type RewriteRule, rewrite } from './rewrite.ts';
export { type TftpdMapOptions, tftpdMap } from './tftpd-map.ts';
