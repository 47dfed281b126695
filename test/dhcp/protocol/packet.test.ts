/** DHCP packets as bytes and as values: what real clients sent is read right, and what nobody sends does no harm. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootClientOf, claimedAddress } from '../../../src/dhcp/protocol/boot-client.ts';
import { decodePacket, encodePacket, HEADER_BYTES, MessageType, Option, textBytes } from '../../../src/dhcp/protocol/packet.ts';
import { dhcpVectors } from './vectors.ts';

const base = { op: 1, xid: 1, chaddr: Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56) };

function decoded(options: readonly (readonly [number, Uint8Array])[], fields: object = {}) {
  return decodePacket(encodePacket({ ...base, ...fields, options }))!;
}

describe('requests of real clients', () => {
  test.each(dhcpVectors)('$name: options in order, and the same bytes again', ({ bytes, order }) => {
    const packet = decodePacket(bytes)!;
    expect([...packet.options.keys()]).toEqual(order);
    const again = encodePacket({ ...packet, options: [...packet.options] });
    const length = Math.max(bytes.length, again.length);
    const padded = (some: Uint8Array) => Buffer.concat([some, Buffer.alloc(length - some.length)]).toString('hex');
    expect(padded(again)).toBe(padded(bytes));
  });

  test('which machine and which program each is from', async () => {
    const lines = dhcpVectors.map(({ name, bytes }) => {
      const packet = decodePacket(bytes)!;
      return `${name}: ${JSON.stringify({ ...bootClientOf(packet), claims: claimedAddress(packet) })}`;
    });
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../../data/dhcp-clients.txt');
  });
});

describe('decodePacket', () => {
  const whole = encodePacket({ ...base, options: [[53, Uint8Array.of(1)]] });
  const changed = (at: number, value: number) => {
    const bytes = whole.slice();
    bytes[at] = value;
    return bytes;
  };

  test.each([
    ['is shorter than its header', whole.subarray(0, HEADER_BYTES - 1)],
    ['is neither request nor reply', changed(0, 3)],
    ['has a longer hardware address than there is room for', changed(2, 17)],
    ['went round in a ring of relays', changed(3, 17)],
    ['has another magic cookie', changed(236, 0)],
    ['has an option longer than what is left', changed(HEADER_BYTES + 1, 255)],
    ['ends in the number of an option', Buffer.concat([whole.subarray(0, HEADER_BYTES), Uint8Array.of(53)])],
  ])('refuses what %s', (_, bytes) => expect(decodePacket(bytes)).toBeUndefined());

  test('takes options without an END', () => {
    const bytes = whole.subarray(0, HEADER_BYTES + 3);
    expect(decodePacket(bytes)?.options.get(53)).toEqual(Uint8Array.of(1));
  });

  test('joins the parts of a long option (RFC 3396)', () => {
    const parts: readonly (readonly [number, Uint8Array])[] = [
      [43, textBytes('abc')],
      [53, Uint8Array.of(1)],
      [43, textBytes('def')],
    ];
    expect(decoded(parts).options.get(43)).toEqual(textBytes('abcdef'));
  });

  test.each([
    [1, ['', 'own'], ['f', undefined]],
    [2, ['own', ''], [undefined, 's']],
    [3, ['', ''], ['f', 's']],
    [0, ['own', 'own'], [undefined, undefined]],
  ])('overload %i: options in the text fields', (overload, [file, sname], [inFile, inSname]) => {
    const bytes = encodePacket({ ...base, file: 'own', sname: 'own', options: [[52, Uint8Array.of(overload)]] });
    if (overload & 1) bytes.set([200, 1, 'f'.charCodeAt(0), 255], 108);
    if (overload & 2) bytes.set([201, 1, 's'.charCodeAt(0), 255], 44);
    const packet = decodePacket(bytes)!;
    expect([packet.file, packet.sname]).toEqual([file, sname]);
    const found = [200, 201].map((code) => packet.options.get(code));
    expect(found).toEqual([inFile, inSname].map((text) => (text === undefined ? undefined : textBytes(text))));
  });

  test('gives back what was encoded', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
    const text = (maxLength: number) => fc.string({ maxLength, unit: fc.constantFrom(...'abc./-\u00e9') });
    const fields = fc.record({
      op: fc.constantFrom(1, 2),
      htype: octet,
      hops: fc.integer({ min: 0, max: 16 }),
      xid: fc.nat({ max: 0xffffffff }),
      secs: fc.nat({ max: 0xffff }),
      flags: fc.nat({ max: 0xffff }),
      ciaddr: address,
      yiaddr: address,
      siaddr: address,
      giaddr: address,
      chaddr: fc.uint8Array({ maxLength: 16 }),
      sname: text(63),
      file: text(127),
    });
    const option = fc.tuple(
      fc.integer({ min: 1, max: 254 }).filter((code) => code !== Option.overload),
      fc.uint8Array({ maxLength: 600 }),
    );
    const options = fc.uniqueArray(option, { selector: ([code]) => code, maxLength: 20 });
    fc.assert(
      fc.property(fields, options, (fields, options) => {
        expect(decodePacket(encodePacket({ ...fields, options }))).toEqual({ ...fields, options: new Map(options) });
      }),
    );
  });
});

describe('encodePacket', () => {
  test.each([
    ['file', { file: 'x'.repeat(128) }],
    ['sname', { sname: 'x'.repeat(64) }],
    ['an address', { siaddr: '10.0.0.256' }],
    ['a hardware address', { chaddr: new Uint8Array(17) }],
  ])('refuses %s that does not fit', (_, fields) => {
    expect(() => encodePacket({ ...base, options: [], ...fields })).toThrow(RangeError);
  });

  test('pads to what every client takes (RFC 951)', () => {
    expect(encodePacket({ ...base, options: [] })).toHaveLength(300);
  });
});

describe('bootClientOf', () => {
  const client = (options: readonly (readonly [number, Uint8Array])[], fields: object = {}) =>
    bootClientOf(decoded(options, fields));
  const cls = (text: string) => [Option.vendorClass, textBytes(text)] as const;
  const guid = (hex: string) => [Option.clientGuid, Buffer.from(`00${hex}`, 'hex')] as const;

  test.each([
    '',
    'MSFT 5.0',
    'udhcp 1.35',
    'U-Boot.armv8',
    'PXEClientele',
    'pxeclient',
    'android-dhcp-13',
    'HTTPClients',
  ])('class %j is left alone', (text) => expect(client([cls(text)])).toBeUndefined());

  test('a request without a class is left alone', () => expect(client([[53, Uint8Array.of(1)]])).toBeUndefined());

  test.each([
    ['PXEClient', [0, 7], 7, 'uefi-x64'],
    ['PXEClient:Arch:00007:UNDI:003016', undefined, 7, 'uefi-x64'],
    ['PXEClient:Arch:00000:UNDI:002001', [0, 9], 9, 'uefi-x64'],
    ['PXEClient:Arch:00008:UNDI:003016', undefined, 8, 'uefi-x64'],
    ['PXEClient', [0, 0, 0, 7], 0, 'bios'],
    ['HTTPClient:Arch:00019:UNDI:003000', [0, 19], 19, 'uefi-arm64'],
    ['PXEClient', [0x12, 0x34], 0x1234, undefined],
    ['PXEClient', [7], undefined, undefined],
  ] as const)('class %j with architecture %j is %i, %s', (text, types, arch, firmware) => {
    const options = types === undefined ? [cls(text)] : [cls(text), [Option.architecture, Uint8Array.from(types)] as const];
    expect(client(options)).toMatchObject({ arch, firmware });
  });

  test.each([
    ['four raw bytes', [Option.userClass, textBytes('iPXE')], true],
    ['a length before them (RFC 3004)', [Option.userClass, textBytes('\x04iPXE')], true],
    ['its own options', [Option.etherboot, Uint8Array.of(177, 1, 1, 235, 3, 1, 21, 1)], true],
    ['half of these', [Option.etherboot, Uint8Array.of(177, 1, 1)], false],
    ['another user class', [Option.userClass, textBytes('gPXE')], false],
  ] as const)('iPXE by %s: %s', (_, option, isIpxe) => {
    expect(client([cls('PXEClient'), option])?.isIpxe).toBe(isIpxe);
  });

  test.each([
    ['filler of a Pi 3', guid('44'.repeat(16)), undefined],
    ['a Pi 4', guid('525069340000c03114a5000ca5f00c17'), 'a5f00c17'],
    ['a Pi 3B+, its serial number four times', guid('a5f00c17'.repeat(4)), 'a5f00c17'],
  ])('a Raspberry Pi: %s', (name, option, serial) => {
    const chaddr = name.includes('3B+') ? Uint8Array.of(0xb8, 0x27, 0xeb, 1, 2, 3) : base.chaddr;
    const found = client([cls('PXEClient:Arch:00000:UNDI:002001'), option], { chaddr });
    expect(found).toMatchObject({ firmware: 'raspberry-pi', serial, uuid: undefined });
  });

  test.each([
    ['zeros', '00'.repeat(16), undefined],
    ['ones', 'ff'.repeat(16), undefined],
    ['a UUID', '5a1fc6b15d2b0e4f9c550123456789ab', 'b1c61f5a-2b5d-4f0e-9c55-0123456789ab'],
  ])('a GUID of %s', (_, hex, uuid) => expect(client([cls('PXEClient'), guid(hex)])?.uuid).toBe(uuid));

  test.each([
    ['a GUID as hardware address', { htype: 255, chaddr: new Uint8Array(16).fill(1) }],
    ['zeros', { chaddr: new Uint8Array(6) }],
  ])('%s is not a MAC address', (_, fields) => expect(client([cls('PXEClient')], fields)?.mac).toBeUndefined());
});

describe('claimedAddress', () => {
  const address = [Option.requestedAddress, Uint8Array.of(10, 0, 0, 7)] as const;
  const type = (value: number) => [Option.messageType, Uint8Array.of(value)] as const;
  test.each([
    ['a REQUEST that names one', [type(MessageType.request), address], {}, '10.0.0.7'],
    ['a REQUEST from one', [type(MessageType.request)], { ciaddr: '10.0.0.8' }, '10.0.0.8'],
    ['a DISCOVER that wishes for one', [type(MessageType.discover), address], {}, undefined],
    ['a REQUEST without', [type(MessageType.request)], {}, undefined],
    ['a cut one', [type(MessageType.request), [Option.requestedAddress, Uint8Array.of(10)] as const], {}, undefined],
  ] as const)('%s', (_, options, fields, expected) => expect(claimedAddress(decoded(options, fields))).toBe(expected));
});
