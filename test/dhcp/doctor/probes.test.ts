/** The requests of the doctor are those of real firmware, byte by byte. */
import { expect, test } from 'vitest';
import { bootServerRequest, discover, type ProbeName, probes } from '../../../src/dhcp/doctor/probes.ts';
import { decodePacket, encodePacket, Option } from '../../../src/dhcp/protocol/packet.ts';
import { dhcpVectors } from '../protocol/vectors.ts';

const captured: readonly [name: ProbeName, vector: string][] = [
  ['bios', 'bios-undionly-discover-67'],
  ['uefi-x64', 'ovmf-x64-discover-67'],
  ['uefi-arm64', 'aavmf-arm64-discover-67'],
  ['uefi-http', 'ovmf-http-discover-67'],
  ['ipxe', 'bios-ipxe-rom-discover-67-ipxe'],
  ['raspberry-pi', 'rpi-discover-67'],
];

test.each(captured)('%s sends what %s has', (name, vectorName) => {
  const bytes = dhcpVectors.find((one) => one.name === vectorName)!.bytes;
  const { xid, chaddr, secs, flags, options } = decodePacket(bytes)!;
  const identity = { xid, mac: [...chaddr], uuid: options.get(Option.clientGuid)!.slice(1) };
  // Firmware that has asked before counts its seconds; the doctor asks once.
  const sent = encodePacket({ ...discover(probes[name], identity, flags), secs });
  expect(Buffer.from(sent).toString('hex')).toBe(Buffer.from(bytes).toString('hex'));
});

test.each([
  ['uefi-x64', 'ovmf-x64-request-4011'],
  ['uefi-arm64', 'aavmf-arm64-request-4011'],
  ['bios', 'bios-undionly-request-4011'],
  ['ipxe', 'bios-ipxe-rom-request-4011-ipxe'],
] as const)('%s asks port 4011 as %s has', (name, vectorName) => {
  const { bytes } = dhcpVectors.find((one) => one.name === vectorName)!;
  const { xid, secs, ciaddr, chaddr, options } = decodePacket(bytes)!;
  const identity = { xid, mac: [...chaddr], uuid: options.get(Option.clientGuid)!.slice(1) };
  const item = options.get(Option.vendorInfo)?.slice(2, 6);
  const request = bootServerRequest(probes[name], identity, ciaddr, { id: '10.0.0.1', item });
  expect(Buffer.from(encodePacket({ ...request, secs })).toString('hex')).toBe(Buffer.from(bytes).toString('hex'));
  // A request for an address would make a DHCP server assign one.
  expect(request.options.map(([code]) => code)).not.toContain(Option.requestedAddress);
});
