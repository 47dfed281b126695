/**
 * Debian's `in.tftpd -m` and this server side by side, over loopback: the same map file, the same files, the same requests. It
 * needs tftpd-hpa's program, which a machine may have without the service: `PXE_IN_TFTPD` says where.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { tftpdMap } from 'pxe/plugins';
import { expect, onTestFinished, test } from 'vitest';
import { folder, lab } from '../kit/lab.ts';
import { expressionCases, type MapCase, mapCases, mistakenMaps } from '../kit/maps.ts';
import { freePort } from '../kit/serve.ts';
import { type Address, ack, Peer, parse, put, rrq } from '../kit/tftp.ts';
import { describeWith, requireFiles, requireIpv6, requireRoot } from '../kit/tools.ts';
import { each } from './run.ts';

const inTftpd = process.env.PXE_IN_TFTPD ?? '/usr/sbin/in.tftpd';

/** `in.tftpd` gives root's rights up, and reads and writes as nobody. */
function openFolder(files: readonly string[]) {
  const at = folder();
  for (const name of files) if (name.trim() !== '') at.put(`ROOT/${name}`, name);
  for (const path of [at.path, at.root]) chmodSync(path, 0o777);
  return at;
}

/** Runs until the test is finished. */
async function startInTftpd(map: string, root: string, family: 4 | 6): Promise<Address> {
  const address = family === 4 ? '127.0.0.1' : '::1';
  const port = await freePort();
  const on = family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
  const child = spawn(inTftpd, ['--foreground', `-${family}`, '--address', on, '--create', '--map-file', map, '--secure', root], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  // It listens when it answers: an ACK that belongs to nothing is answered by nobody, a request always is.
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt++) {
    if ((await ask({ address, port }, 'probe', 100)) !== 'silence') return { address, port };
  }
  throw new Error(`in.tftpd did not answer, exit ${child.exitCode}`);
}

/** The first block of a file of few bytes, or `ERROR code message`. */
async function ask(server: Address, name: string, timeoutMs = 5000): Promise<string> {
  await using peer = await Peer.open(server.address);
  peer.send(server, rrq(name));
  const datagram = await peer.poll(timeoutMs);
  if (!datagram) return 'silence';
  const reply = parse(datagram.bytes);
  if (reply.kind === 'error') return `ERROR ${reply.code} ${reply.message}`;
  peer.send(datagram.from, ack(1));
  return reply.kind === 'data' ? reply.payload.toString() : reply.kind;
}

async function both({
  map,
  files,
  asks,
}: Pick<MapCase, 'map' | 'files' | 'asks'>): Promise<Record<string, readonly [theirs: string, ours: string]>> {
  const at = openFolder(files);
  const file = at.put('tftpd.map', map);
  const served = await lab(
    {
      tftp: {
        listen: [
          { address: '127.0.0.1', port: 0 },
          { address: '::1', port: 0 },
        ],
      },
      plugins: [tftpdMap('tftpd.map')],
    },
    at,
  );
  const ours = (family: 4 | 6) => served.server.addresses.find(({ address }) => address.includes(':') === (family === 6))!;
  const theirs = new Map<4 | 6, Address>();
  const answers: Record<string, readonly [string, string]> = {};
  for (const asked of Object.keys(asks)) {
    const family = asked.startsWith('6 ') ? 6 : 4;
    const name = asked.replace(/^6 /, '');
    if (!theirs.has(family)) theirs.set(family, await startInTftpd(file, at.root, family));
    answers[asked] = [await ask(theirs.get(family)!, name), await ask(ours(family), name)];
  }
  return answers;
}

describeWith("Debian's in.tftpd", [...requireFiles(inTftpd), requireRoot(), requireIpv6()], () => {
  test.each(mapCases.filter(({ not52 }) => not52 === undefined))('$what', async (mapCase) => {
    for (const [asked, [theirs, ours]] of Object.entries(await both(mapCase))) {
      const expected = mapCase.asks[asked]!;
      // Words of its own for what is not there and what is refused; a map's words are the map's.
      if (/^ERROR \d$|failure$/.test(expected))
        expect([theirs.slice(0, 7), ours.slice(0, 7)], asked).toEqual([expected.slice(0, 7), expected.slice(0, 7)]);
      else expect([theirs, ours], asked).toEqual([expected, expected]);
    }
  });

  test('every expression', async () => {
    expect(expressionCases.length).toBeGreaterThan(40);
    await each(expressionCases, 4, async ([expression, name, becomes]) => {
      const result = becomes === '-' ? name : becomes;
      const answers = await both({ map: `r ${expression} X\n`, files: [result], asks: { [name]: '' } });
      expect(answers[name], `${expression} in ${name}`).toEqual([result, result]);
    });
  }, 300_000);

  test.each(mistakenMaps.filter(([, , not52]) => not52 === undefined).map(([map]) => map))('%j is refused', async (map) => {
    const at = openFolder([]);
    const file = at.put('tftpd.map', map);
    await expect(startInTftpd(file, at.root, 4)).rejects.toThrow('exit 78');
    await expect(lab({ plugins: [tftpdMap('tftpd.map')] }, at)).rejects.toThrow('tftpd.map:');
  });

  test('uploads', async () => {
    const at = openFolder([]);
    mkdirSync(join(at.path, 'up'));
    const file = at.put('tftpd.map', 'Gr ^ read-\nPr ^(.*)$ \\L\\1\\E.new\na secret');
    const { address } = await lab({ uploads: { dir: 'up' }, plugins: [tftpdMap('tftpd.map')] }, at);
    const theirs = await startInTftpd(file, at.root, 4);
    for (const server of [theirs, address]) {
      expect(await put(server, 'Log', Buffer.from('x'))).toMatchObject({ error: undefined });
      expect(await put(server, 'secret', Buffer.from('x'))).toMatchObject({ error: { code: 2 } });
    }
    expect([readdirSync(at.root), readdirSync(join(at.path, 'up'))]).toEqual([['log.new'], ['log.new']]);
    expect(existsSync(join(at.path, 'up/Log'))).toBe(false);
  });
});
