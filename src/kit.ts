/**
 * Helpers for authors of plugins, and for the plugins that come with `pxe`: what reads and checks text of configs, clients and data
 * files, and what keeps work off the event loop. A config needs none of them. Re-exports only.
 */
export type { InterfaceAddress, IpAddress, Network } from './base/address.ts';
export { hostBitsProblem, numberOf, parseAddress, parseInterfaceAddress, parseNetwork, prefixOf } from './base/address.ts';
export { bootLayouts } from './base/boot-layout.ts';
export { check as checkInput } from './base/check-input.ts';
export { architectureOf, firmwares, isFirmware } from './base/firmware.ts';
export { formatPath, formatPlace } from './base/issue.ts';
export type { LoaderKind } from './base/loader.ts';
export { loaderKind } from './base/loader.ts';
export type { MacPattern } from './base/mac.ts';
export { parseMac, parseMacPattern } from './base/mac.ts';
export { nearest } from './base/nearest.ts';
export { parseSerial } from './base/serial.ts';
export type { SingleFlightOptions } from './base/single-flight.ts';
export { SingleFlight } from './base/single-flight.ts';
export type { SlicesOptions } from './base/time-slices.ts';
export { inSlices, Slices } from './base/time-slices.ts';
export type { ReadName } from './content/name.ts';
export { cleanName, readName } from './content/name.ts';
export { isPlugin } from './plugin/define.ts';
export { factNames, sourceOf } from './plugin/facts.ts';
