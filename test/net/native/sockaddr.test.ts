/** Socket addresses: as the kernel's headers have them, to peers and back. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { peerKey, peerOf } from '../../../src/base/peer.ts';
import { nativeUnavailableReason } from '../../../src/net/native/libc.ts';
import { readPeer, SOCKADDR_BYTES, writePeer } from '../../../src/net/native/sockaddr.ts';
import { describeWith } from '../../kit/tools.ts';

const lo = '01000000';
/** Address, port, bytes: family (little-endian), port (big-endian), then address, or flow, address and scope. */
const table: readonly (readonly [address: string, port: number, hex: string])[] = [
  ['192.168.7.20', 69, '0200 0045 c0a80714'],
  ['255.255.255.255', 65535, '0200 ffff ffffffff'],
  ['0.0.0.0', 1, '0200 0001 00000000'],
  ['127.0.0.1', 256, '0200 0100 7f000001'],
  ['::1', 69, '0a00 0045 00000000 00000000000000000000000000000001 00000000'],
  ['::', 69, '0a00 0045 00000000 00000000000000000000000000000000 00000000'],
  ['2001:db8::ff00:42:8329', 2, '0a00 0002 00000000 20010db8000000000000ff0000428329 00000000'],
  ['::ffff:192.168.7.20', 69, '0a00 0045 00000000 00000000000000000000ffffc0a80714 00000000'],
  ['1:0:0:2::3', 69, '0a00 0045 00000000 00010000000000020000000000000003 00000000'],
  ['fe80::1%lo', 69, `0a00 0045 00000000 fe800000000000000000000000000001 ${lo}`],
];

describeWith('socket addresses', [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }], () => {
  test.each(table)('%s port %i', (address, port, hex) => {
    const expected = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const bytes = new Uint8Array(64).fill(0xaa);
    const length = writePeer(bytes, 8, peerKey(address, port));
    expect(length).toBe(address.includes(':') ? SOCKADDR_BYTES : 16);
    expect(Buffer.from(bytes.subarray(8, 8 + expected.length)).toString('hex')).toBe(expected.toString('hex'));
    expect(bytes[7]).toBe(0xaa);
    expect(bytes[8 + length]).toBe(0xaa);
    expect(peerOf(readPeer(bytes, 8))).toEqual({ address, port });
  });

  test('what is written is read again, as the same key, also over what stood there before', () => {
    const bytes = new Uint8Array(SOCKADDR_BYTES);
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(address, fc.integer({ min: 1, max: 65535 }), (address, port) => {
        writePeer(bytes, 0, peerKey(address, port));
        const key = readPeer(bytes, 0);
        const again = new Uint8Array(SOCKADDR_BYTES);
        expect(writePeer(again, 0, key)).toBe(address.includes(':') ? SOCKADDR_BYTES : 16);
        expect(readPeer(again, 0)).toBe(key);
        expect(peerOf(key).port).toBe(port);
        expect(new URL(`tftp://${bracketed(peerOf(key).address)}`).hostname).toBe(
          new URL(`tftp://${bracketed(address)}`).hostname,
        );
      }),
    );
  });
});

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
