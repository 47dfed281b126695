/** What each kind of machine is answered, byte by byte; and that no request gets an address, or more than it may. */
import { describe, expect, test } from 'vitest';
import { type BootLayout, bootLayouts } from '../../../src/base/boot-layout.ts';
import { bootClientOf } from '../../../src/dhcp/protocol/boot-client.ts';
import { type Decision, destinationOf, encodeOffer, offerFor } from '../../../src/dhcp/protocol/offer.ts';
import { decodeEncapsulated, decodePacket, encodePacket, Option, textBytes, textOf } from '../../../src/dhcp/protocol/packet.ts';
import { seeded } from '../../kit/random.ts';
import { dhcpVectors } from './vectors.ts';

const SERVER = '10.214.0.2';
const FILE = { kind: 'file', name: 'ipxe/snponly.efi' } as const satisfies Decision;
const DISK: Decision = { kind: 'disk' };

function answerTo(bytes: Uint8Array, port: 67 | 4011, decision: Decision, layout: BootLayout): Uint8Array | undefined {
  const request = decodePacket(bytes);
  const client = request && bootClientOf(request);
  if (!request || !client) return undefined;
  const offer = offerFor(request, client, port, decision, { server: SERVER, layout });
  return offer && encodeOffer(offer);
}

const request = (cls: string, options: readonly (readonly [number, Uint8Array])[] = [], fields: object = {}) =>
  encodePacket({
    op: 1,
    xid: 7,
    chaddr: Uint8Array.of(0x52, 0x54, 0, 0, 0, 1),
    ...fields,
    options: [[Option.messageType, Uint8Array.of(1)], [Option.vendorClass, textBytes(cls)], ...options],
  });

test('answers to what real clients sent are those of the golden file', async () => {
  const cases = [...bootLayouts.map((layout) => [layout, FILE, layout] as const), ['disk', DISK, 'direct'] as const];
  const lines = dhcpVectors.flatMap(({ name, port, bytes }) =>
    cases.map(([what, decision, layout]) => {
      const answer = answerTo(bytes, port, decision, layout);
      return `${name} ${what} | ${
        answer
          ? Buffer.from(answer)
              .toString('hex')
              .replace(/(00)+$/, '')
          : 'silence'
      }`;
    }),
  );
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../../data/dhcp-answers.txt');
});

describe('an answer', () => {
  const answer = (bytes: Uint8Array, port: 67 | 4011 = 67, decision: Decision = FILE, layout: BootLayout = 'direct') =>
    decodePacket(answerTo(bytes, port, decision, layout)!)!;
  const tags = (packet: ReturnType<typeof answer>) => {
    const info = packet.options.get(Option.vendorInfo);
    return info && Object.fromEntries(Array.from(decodeEncapsulated(info)!, ([tag, bytes]) => [tag, [...bytes]]));
  };

  test('names file, server and class alike wherever firmware looks for them', () => {
    const packet = answer(request('PXEClient:Arch:00007:UNDI:003016'));
    expect(packet).toMatchObject({
      op: 2,
      yiaddr: '0.0.0.0',
      siaddr: SERVER,
      sname: SERVER,
      file: FILE.name,
    });
    expect(textOf(packet.options.get(Option.vendorClass)!)).toBe('PXEClient');
    expect(packet.options.get(Option.vendorClass)).toHaveLength(9);
    expect([...packet.options.get(Option.bootFile)!].at(-1)).toBe(0);
    expect(textOf(packet.options.get(Option.bootFile)!)).toBe('ipxe/snponly.efi');
    expect([...packet.options.keys()]).toEqual([53, 54, 60, 43, 66, 67]);
  });

  test('names a file in UTF-8, as TFTP reads the name that the firmware then asks for', () => {
    const name = 'menü/启动.efi';
    const packet = answer(request('PXEClient'), 67, { kind: 'file', name });
    expect(new TextDecoder().decode(packet.options.get(Option.bootFile)!)).toBe(`${name}\0`);
    expect(packet.file).toBe(name);
    // 64 letters of two bytes leave no room for the NUL.
    const long = answer(request('PXEClient'), 67, { kind: 'file', name: 'ü'.repeat(64) });
    expect(long.file).toBe('');
    expect(long.options.get(Option.bootFile)).toHaveLength(129);
  });

  test('is silence where the name fits no option', () => {
    const bytes = request('PXEClient', [[Option.maxSize, Uint8Array.of(5, 192)]]);
    expect(answerTo(bytes, 67, { kind: 'file', name: 'x'.repeat(254) }, 'direct')).toBeDefined();
    expect(answerTo(bytes, 67, { kind: 'file', name: 'x'.repeat(255) }, 'direct')).toBeUndefined();
  });

  test('is a broadcast, whatever the client can take', () => expect(answer(request('PXEClient')).flags).toBe(0x8000));

  test('to UEFI HTTP Boot has no option 43', () => {
    expect(tags(answer(request('HTTPClient:Arch:00016:UNDI:003001')))).toBeUndefined();
  });

  test('to HTTP Boot of a machine that is to boot from disk is silence', () => {
    expect(answerTo(request('HTTPClient'), 67, DISK, 'direct')).toBeUndefined();
  });

  test.each([
    ['direct', 67, { 6: [8] }, true],
    ['direct', 4011, { 6: [8] }, true],
    ['binl', 67, undefined, false],
    ['binl', 4011, { 6: [8] }, true],
    ['menu', 67, { 6: [8], 10: [0, 80, 88, 69] }, true],
  ] as const)('in layout %s on port %i has these tags: %j', (layout, port, expected, hasFile) => {
    const packet = answer(request('PXEClient'), port, FILE, layout);
    expect(tags(packet)).toEqual(expected);
    expect(packet.file !== '').toBe(hasFile);
    expect(packet.options.has(Option.bootFile)).toBe(hasFile);
  });

  test('that says to boot from disk has a menu of one entry, and no file', () => {
    const packet = answer(request('PXEClient'), 67, DISK);
    expect(tags(packet)).toEqual({ 6: [3], 9: [0, 0, 5, ...textBytes('Local')], 10: [0] });
    expect(packet.file).toBe('');
    expect(packet.options.has(Option.bootFile)).toBe(false);
  });

  test('to a Raspberry Pi alone has its menu; iPXE on one has not', () => {
    const guid = [Option.clientGuid, Buffer.from(`00${'44'.repeat(16)}`, 'hex')] as const;
    const ipxe = [Option.userClass, textBytes('iPXE')] as const;
    expect(tags(answer(request('PXEClient', [guid])))?.[9]).toEqual([0, 0, 20, ...textBytes('Raspberry Pi Boot   ')]);
    expect(tags(answer(request('PXEClient', [guid, ipxe])))).toEqual({ 6: [8] });
  });

  test('echoes the item of a menu to whom asks port 4011 for it', () => {
    const item = [Option.vendorInfo, Uint8Array.of(71, 4, 0x80, 0, 0, 0, 255)] as const;
    expect(tags(answer(request('PXEClient', [item]), 4011))).toEqual({ 6: [8], 71: [0x80, 0, 0, 0] });
  });

  test('echoes what a relay added, byte by byte and last', () => {
    const added = [Option.relayInfo, Uint8Array.of(1, 4, 0xde, 0xad, 0xbe, 0xef, 0)] as const;
    const packet = answer(request('PXEClient', [added, [Option.userClass, textBytes('iPXE')]], { giaddr: '10.7.0.1' }));
    expect([...packet.options].at(-1)).toEqual([...added]);
    expect(packet.giaddr).toBe('10.7.0.1');
  });

  test('leaves `file` empty for a name that does not fit it', () => {
    const name = `http://${SERVER}/${'x'.repeat(120)}`;
    const packet = answer(request('HTTPClient'), 67, { kind: 'file', name });
    expect(packet.file).toBe('');
    expect(textOf(packet.options.get(Option.bootFile)!)).toBe(name);
  });

  test('leaves out what the fewest need where it would be too long', () => {
    const added = [Option.relayInfo, new Uint8Array(255).fill(1)] as const;
    const packet = answer(request('PXEClient', [added]), 67, { kind: 'file', name: 'a'.repeat(16) });
    expect(packet.options.has(Option.serverName)).toBe(false);
    expect(packet.options.get(Option.relayInfo)).toHaveLength(255);
  });
});

test.each([
  [67, '0.0.0.0', { address: '255.255.255.255', port: 68 }],
  [67, '10.7.0.1', { address: '10.7.0.1', port: 67 }],
  [4011, '0.0.0.0', { address: '10.0.0.9', port: 1234 }],
  [4011, '10.7.0.1', { address: '10.0.0.9', port: 1234 }],
] as const)('an answer from port %i to a request by relay %s goes to %j', (port, giaddr, expected) => {
  const packet = decodePacket(request('PXEClient', [], { giaddr }))!;
  expect(destinationOf(packet, port, { address: '10.0.0.9', port: 1234 })).toEqual(expected);
});

test.each([
  ['a UUID', Option.clientGuid, []],
  ['what a relay added', Option.relayInfo, []],
  ['the item of a menu', Option.vendorInfo, [71, 198]],
] as const)('%s of more bytes than one option holds is answered', (_, code, head) => {
  const long = Buffer.alloc(400, Uint8Array.of(...head, ...Array<number>(200 - head.length).fill(1)));
  const bytes = request('PXEClient', [
    [Option.maxSize, Uint8Array.of(5, 192)],
    [code, long],
  ]);
  for (const port of [67, 4011] as const) {
    const { options } = decodePacket(answerTo(bytes, port, FILE, 'direct')!)!;
    if (code === Option.vendorInfo) expect([...options.get(code)!]).toEqual([6, 1, 8, 255]);
    else expect(options.get(code)).toEqual(new Uint8Array(long));
  }
});

/** Of Ethernet's 1,500, without the headers of IP and UDP. */
const MOST_BYTES = 1472 - 28;
const MUTANTS = 1_000_000;

test(`${MUTANTS} mutated requests: nothing throws, no address, no answer longer than allowed`, { timeout: 120_000 }, () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const random = seeded(seed);
  let answers = 0;
  for (let i = 0; i < MUTANTS; i++) {
    const { bytes, port } = dhcpVectors[i % dhcpVectors.length]!;
    const mutant = Uint8Array.from(bytes.subarray(0, random.chance(0.1) ? random.int(0, bytes.length) : bytes.length));
    for (let edits = random.int(1, 4); edits > 0 && mutant.length > 0; edits--) {
      // Most of the packet is padding, and of no interest.
      const at = random.int(random.chance(0.8) && mutant.length > 240 ? 240 : 0, mutant.length - 1);
      mutant[at] = random.int(0, 255);
    }
    const layout = random.pick(bootLayouts);
    const answer = answerTo(mutant, port, random.chance(0.2) ? DISK : FILE, layout);
    if (!answer) continue;
    answers++;
    if (answer.length > MOST_BYTES) throw new Error(`seed ${seed}, mutant ${i}: ${answer.length} bytes`);
    if (answer.subarray(16, 20).some((byte) => byte !== 0)) throw new Error(`seed ${seed}, mutant ${i}: an address`);
    if (answer.length > 3 * Math.max(mutant.length, 240)) throw new Error(`seed ${seed}, mutant ${i}: amplified`);
    if (decodePacket(answer) === undefined) throw new Error(`seed ${seed}, mutant ${i}: an answer that cannot be read`);
  }
  // Most mutants are still requests of machines that boot.
  expect(answers, `seed ${seed}`).toBeGreaterThan(MUTANTS / 4);
});
