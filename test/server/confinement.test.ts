/** FIELD.md §4.5: whatever a client asks for, no byte from outside the root is on the wire, and no path of the server. */
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/index.ts';
import { hostileRoot, SECRET } from '../kit/hostile-root.ts';
import { folder, type Lab, lab, until } from '../kit/lab.ts';
import { type Address, ack, Peer, parse } from '../kit/tftp.ts';

const violation = 'ERROR 2: access violation';
const absent = 'ERROR 1: file not found';

function hostileLab(config: Config = {}): Promise<Lab> {
  return lab(config, hostileRoot());
}

/** What comes back for a request of these very bytes; `nothing` if it is no request. */
async function answer(address: Address, name: Uint8Array, seen: Buffer[] = []): Promise<string> {
  await using peer = await Peer.open();
  peer.send(address, Buffer.concat([Buffer.from([0, 1]), name, Buffer.from('\0octet\0')]));
  const datagram = await peer.poll(name.length === 0 || name.length > 2000 ? 150 : 3000);
  if (!datagram) return 'nothing';
  seen.push(datagram.bytes);
  const reply = parse(datagram.bytes);
  if (reply.kind === 'data') peer.send(datagram.from, ack(reply.block));
  if (reply.kind === 'error') return `ERROR ${reply.code}: ${reply.message}`;
  return reply.kind === 'data' ? reply.payload.toString() : reply.kind;
}

const rows: readonly [name: string | Buffer, expected: string][] = [
  ['../x', violation],
  ['../secret', violation],
  ['..\\secret', violation],
  ['a/../../secret', violation],
  ['sub/../../secret', violation],
  ['sub\\..\\..\\secret', violation],
  ['..', violation],
  ['../', violation],
  ['/..', violation],
  ['x/..', violation],
  ['./../secret', violation],
  ['.../../secret', violation],
  ['/../../../../../../../../../../etc/passwd', violation],
  ['../ROOT/x', violation],
  ['../ROOT-secret', violation],
  ['-secret', absent],
  ['ROOT-secret', absent],
  ['/etc/passwd', absent],
  ['//etc/passwd', absent],
  ['\\\\etc\\passwd', absent],
  ['file:///etc/passwd', absent],
  ['link', violation],
  ['link-to-link', violation],
  ['absolute-link', violation],
  ['folder-link/secret', violation],
  ['folder-link', violation],
  ['folder-link/absent', absent],
  ['parent-link/secret', violation],
  ['parent-link/ROOT/x', 'inside'],
  ['sibling-link', violation],
  ['loop', absent],
  ['dangling', absent],
  ['zero', violation],
  ['environ', violation],
  ['fifo', violation],
  ['empty', absent],
  ['sub', absent],
  ['sub/', absent],
  ['.', absent],
  ['/', absent],
  ['./', absent],
  ['x/y', absent],
  ['x/.', 'inside'],
  ['', 'nothing'],
  ['%2e%2e/secret', absent],
  ['..%2fsecret', absent],
  ['%2e%2e%2fsecret', absent],
  ['..%c0%afsecret', absent],
  [Buffer.from([0x2e, 0x2e, 0xc0, 0xaf, ...Buffer.from('secret')]), absent],
  [Buffer.from([0xc0, 0xae, 0xc0, 0xae, 0x2f, ...Buffer.from('secret')]), absent],
  [Buffer.from([0xe0, 0x80, 0xae, 0x2e, 0x2f, ...Buffer.from('secret')]), absent],
  ['CON', absent],
  ['x::$DATA', absent],
  ['C:x', absent],
  ['C:\\x', absent],
  ['~/x', absent],
  ['$HOME', absent],
  ['`id`', absent],
  ['%s%n%x', absent],
  ['x\x1b[2J', absent],
  ['sub\x00/y', 'ERROR 4: unknown transfer mode'],
  [`${'a'.repeat(300)}`, absent],
  [`sub/${'a'.repeat(256)}`, absent],
  ['a/'.repeat(250), absent],
  ['é'.repeat(200), absent],
  ['a'.repeat(513), 'ERROR 1: file name too long'],
  ['a'.repeat(1500), 'ERROR 1: file name too long'],
  ['a'.repeat(2100), 'nothing'],
  ['a'.repeat(64_900), 'nothing'],
  // What real clients write, and get.
  ['//x', 'inside'],
  ['\\x', 'inside'],
  ['.//x', 'inside'],
  ['/./sub//y', 'inside'],
  ['sub\\y', 'inside'],
  ['inside-link', 'inside'],
  [Buffer.from([...Buffer.from('x'), 0xff]), 'inside'],
  [Buffer.from([...Buffer.from('x'), 0xff, 0xff, 0x0d]), 'inside'],
  ['Case', 'upper'],
  ['case', 'lower'],
  ['CASE', absent],
  ['100%25', 'percent'],
  ['päx', 'umlaut'],
  [' ', 'space'],
  ['...', 'dots'],
];

test('every name of the table', async () => {
  const { address, path, server, log } = await hostileLab();
  const seen: Buffer[] = [];
  const answers = await Promise.all(rows.map(([name]) => answer(address, Buffer.from(name as string), seen)));
  expect(rows.map(([name], i) => [String(name).slice(0, 60), answers[i]])).toEqual(
    rows.map(([name, expected]) => [String(name).slice(0, 60), expected]),
  );
  for (const bytes of seen) {
    for (const taboo of [SECRET, path, '/tmp', 'root:', 'PATH=']) expect(bytes.includes(taboo), bytes.toString()).toBe(false);
  }
  await until(async () => (await server.exchanges()).length === 0, 'end of all transfers');
  expect(log.filter(({ level }) => level === 'error')).toEqual([]);
});

test('the same names, case-insensitively: another case is found, the outside is not', async () => {
  const { address } = await hostileLab({ caseInsensitive: true });
  // To find a spelling it would have to look into the folder.
  const otherwise = new Map([
    ['CASE', expect.stringMatching(/upper|lower/)],
    ['folder-link/absent', violation],
  ]);
  for (const [name, expected] of rows) {
    const got = await answer(address, Buffer.from(name as string));
    const text = String(name);
    expect([text.slice(0, 60), got]).toEqual([text.slice(0, 60), otherwise.get(text) ?? expected]);
  }
  expect(await answer(address, Buffer.from('SUB/Y'))).toBe('inside');
  expect(await answer(address, Buffer.from('LINK'))).toBe(violation);
  expect(await answer(address, Buffer.from('Folder-Link/SECRET'))).toBe(violation);
});

test('with followLinks a link out is served, and nothing else changes', async () => {
  const { address } = await hostileLab({ followLinks: true });
  expect(await answer(address, Buffer.from('link'))).toBe(SECRET);
  for (const name of ['../secret', 'folder-link/../../secret', 'zero', 'fifo']) {
    expect(await answer(address, Buffer.from(name))).toBe(violation);
  }
});

describe('while the root changes', () => {
  test('a name that is swapped for a link out, over and over, never gives away a byte', async () => {
    const at = await hostileLab();
    let stop = false;
    const swapping = (async () => {
      for (let i = 0; !stop; i++) {
        symlinkSync('../secret', join(at.root, `next-${i}`));
        renameSync(join(at.root, `next-${i}`), join(at.root, 'target'));
        await new Promise((resolve) => setImmediate(resolve));
        at.put('ROOT/fresh', 'inside');
        renameSync(join(at.root, 'fresh'), join(at.root, 'target'));
        // Now and then long enough for a request to come through between two swaps, also on a busy machine.
        await new Promise((resolve) => (i % 4 === 0 ? setTimeout(resolve, i % 40) : setImmediate(resolve)));
      }
    })();
    const answers = new Map<string, number>();
    try {
      const met = () => answers.has('inside') && answers.has(violation);
      const giveUp = performance.now() + 5000;
      for (let round = 0; round < 40 || (!met() && performance.now() < giveUp); round++) {
        const got = await Promise.all(Array.from({ length: 10 }, () => answer(at.address, Buffer.from('target'))));
        for (const one of got) answers.set(one, (answers.get(one) ?? 0) + 1);
      }
    } finally {
      stop = true;
      await swapping;
    }
    expect([...answers.keys()].filter((one) => one !== 'inside' && !one.startsWith('ERROR '))).toEqual([]);
    expect(answers.has(SECRET)).toBe(false);
    // Both sides of the race were met.
    expect(answers.get('inside'), JSON.stringify([...answers])).toBeGreaterThan(0);
    expect(answers.get(violation), JSON.stringify([...answers])).toBeGreaterThan(0);
  });

  test('a root that vanishes is ERROR 0 without a path, and is back when it is back', async () => {
    const at = await hostileLab();
    renameSync(at.root, `${at.root}-away`);
    const gone = await answer(at.address, Buffer.from('x'));
    expect(gone).toMatch(/^ERROR 0: /);
    expect(gone).not.toContain('/');
    renameSync(`${at.root}-away`, at.root);
    expect(await answer(at.address, Buffer.from('x'))).toBe('inside');
  });

  test('a root that is a link follows it from one release to the next', async () => {
    const at = folder();
    at.put('v1/x', 'one');
    at.put('v2/x', 'two');
    rmSync(at.root, { recursive: true });
    symlinkSync('v1', at.root);
    const { address } = await lab({}, at);
    expect(await answer(address, Buffer.from('x'))).toBe('one');
    symlinkSync('v2', join(at.path, 'next'));
    renameSync(join(at.path, 'next'), at.root);
    expect(await answer(address, Buffer.from('x'))).toBe('two');
  });
});
