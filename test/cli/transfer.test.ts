/** `pxe get` and `pxe put` as a user has them, against a server in this process. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { definePlugin } from '../../src/index.ts';
import { gate, type Lab, lab, until } from '../kit/lab.ts';
import { cli, pxe, run, start } from '../kit/pxe.ts';
import { seeded } from '../kit/random.ts';
import { Peer } from '../kit/tftp.ts';
import { describeWith, requireRoot, requireTools } from '../kit/tools.ts';

const bytes = seeded(31).bytes(200_000);
const text = 'one\ntwo\r\nthree\r';
const wireText = 'one\r\ntwo\r\0\r\nthree\r\0';

const url = ({ address }: Lab, name: string) => `tftp://${address.address}:${address.port}/${name}`;

/** A server with files, and a folder to work in. */
async function transferLab() {
  const server = await lab({
    uploads: { dir: 'up', maxBytes: 1_000_000 },
    tftp: { listen: [{ address: '127.0.0.1', port: 0 }] },
  });
  server.put('ROOT/boot/file', bytes);
  server.put('ROOT/text', text);
  server.put('ROOT/empty', '');
  server.put('up/old', 'old');
  server.put('here/file.bin', bytes);
  server.put('here/text', text);
  server.put('here/empty', '');
  const here = join(server.path, 'here');
  return { ...server, here, read: (name: string) => readFileSync(join(server.path, name)) };
}

describe('get', () => {
  test('to a file, to another, to standard output; every option as asked', async () => {
    const at = await transferLab();
    const flags = [
      '-b',
      '1432',
      '-w',
      '8',
      '-t',
      '3',
      '--rollover',
      '0',
      '--local-address',
      '127.0.0.2',
      '--retries',
      '7',
      '--json',
    ];
    const [plain, named, out, lean] = await Promise.all([
      pxe(['get', url(at, 'boot/file')], { cwd: at.here }),
      pxe(['get', url(at, 'boot/file'), 'other', ...flags], { cwd: at.here }),
      run([process.execPath, cli, 'get', url(at, 'text'), '-'], { cwd: at.here }),
      pxe(['get', url(at, 'empty'), 'nothing', '--no-tsize', '--json'], { cwd: at.here }),
    ]);
    expect(plain).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    expect(at.read('here/file').equals(bytes)).toBe(true);
    expect(at.read('here/other').equals(bytes)).toBe(true);
    expect({ ...named, stdout: JSON.parse(named.stdout) }).toEqual({
      code: 0,
      signal: null,
      stderr: '',
      stdout: {
        bytes: bytes.length,
        ms: expect.any(Number),
        options: { tsize: String(bytes.length), blksize: '1432', windowsize: '8', timeout: '3', rollover: '0' },
        rttMs: expect.any(Number),
        retransmissions: expect.any(Number),
        server: { address: '127.0.0.1', port: expect.any(Number) },
      },
    });
    expect(
      at.ended.map(({ request, tftp }) => [request.asked, request.client.address, Object.fromEntries(tftp!.agreed)]),
    ).toContainEqual([
      'boot/file',
      '127.0.0.2',
      { tsize: String(bytes.length), blksize: '1432', windowsize: '8', timeout: '3', rollover: '0' },
    ]);
    expect(out).toEqual({ code: 0, signal: null, stdout: text, stderr: '' });
    expect(JSON.parse(lean.stdout)).toMatchObject({ bytes: 0, options: {} });
    expect(at.read('here/nothing')).toHaveLength(0);
    expect(at.ended.find(({ request }) => request.asked === 'empty')?.request).toMatchObject({ tftp: { options: new Map() } });
    expect(at.tree('here').filter((name) => name.includes('.part'))).toEqual([]);
  });

  test('netascii comes as local text', async () => {
    const at = await transferLab();
    const { code, stdout } = await pxe(['get', url(at, 'text'), '-', '--mode', 'netascii']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: text });
    expect(at.ended[0]).toMatchObject({ request: { tftp: { mode: 'netascii' } }, bytes: wireText.length });
  });

  test('what fails ends with 1, says why, and leaves what was there', async () => {
    const at = await transferLab();
    const rows: readonly (readonly [args: readonly string[], told: RegExp])[] = [
      [[url(at, 'absent'), 'file.bin'], /absent: the server answered ERROR 1: file not found/],
      [[url(at, 'text'), 'nowhere/file'], /cannot write nowhere\/file: there is no such file or folder/],
      [[url(at, 'text'), '--local-address', '192.0.2.99'], /--local-address 192\.0\.2\.99 is not an address of this machine/],
      [['tftp://no-such-host.invalid/x'], /no-such-host\.invalid/],
    ];
    const before = at.tree();
    await Promise.all(
      rows.map(async ([args, told]) => {
        const { code, stdout, stderr } = await pxe(['get', ...args], { cwd: at.here });
        expect(stderr).toMatch(told);
        expect(stderr).toMatch(/^pxe: /);
        expect(stderr).not.toMatch(/^\s+at /m);
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      }),
    );
    expect(at.tree()).toEqual(before);
    expect(at.read('here/file.bin').equals(bytes)).toBe(true);
    const json = await pxe(['get', url(at, 'absent'), '--json'], { cwd: at.here });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toEqual({ error: { kind: 'error', code: 1, message: 'file not found' } });
  });

  test('into a pipe that closes ends with 1, not with a stack', async () => {
    const at = await transferLab();
    const script = `"$1" "$2" get "$3" - -b 512; echo "code $?" >&2`;
    const reader = await run([
      'sh',
      '-c',
      `{ ${script}; } | head -c 10 >/dev/null`,
      'sh',
      process.execPath,
      cli,
      url(at, 'boot/file'),
    ]);
    expect(reader.stderr).toMatch(/EPIPE/);
    expect(reader.stderr).toMatch(/^code 1$/m);
    expect(reader.stderr).not.toMatch(/^\s+at /m);
    expect(await at.end()).toMatchObject({ outcome: 'aborted' });
  });

  test('a server that is silent is given up when the retries are used up', async () => {
    await using silent = await Peer.open();
    const { code, stderr } = await pxe(['get', `tftp://127.0.0.1:${silent.port}/x`, '-', '--retries', '1', '--timeout', '1']);
    expect(stderr).toMatch(/no answer from the server/);
    expect(code).toBe(1);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with 1, tells the server, and leaves nothing', async (signal) => {
    const slow = gate();
    const at = await transferLab();
    const plugin = definePlugin({
      name: 'slow',
      setup: () => ({
        open: () => ({
          size: undefined,
          read: async (offset, length) => {
            if (offset > 0) await slow.passed;
            return new Uint8Array(length);
          },
          close() {},
        }),
      }),
    });
    const dripping = await lab({ plugins: [plugin()] });
    await using client = start([process.execPath, cli, 'get', url(dripping, 'x'), 'x'], { cwd: at.here });
    await until(async () => (await dripping.server.exchanges())[0]?.bytes, 'bytes');
    expect(at.tree('here').some((name) => name.startsWith('x.part'))).toBe(true);
    client.kill(signal);
    expect(await client.ended).toEqual({ code: 1, signal: null });
    expect(at.tree('here').some((name) => name.startsWith('x'))).toBe(false);
    slow.open();
    expect(await dripping.end()).toMatchObject({ outcome: 'aborted' });
  });
});

describe('put', () => {
  test('every option as asked; the file is what was sent', async () => {
    const at = await transferLab();
    const flags = ['--blksize', '1432', '--windowsize', '8', '--timeout', '3', '--rollover', '1', '--json'];
    const [plain, full, lean, ascii, empty] = await Promise.all([
      pxe(['put', 'file.bin', url(at, 'plain')], { cwd: at.here }),
      pxe(['put', 'file.bin', url(at, 'full'), ...flags], { cwd: at.here }),
      pxe(['put', 'file.bin', url(at, 'lean'), '--no-tsize', '--json'], { cwd: at.here }),
      pxe(['put', 'text', url(at, 'ascii'), '--mode', 'netascii'], { cwd: at.here }),
      pxe(['put', 'empty', url(at, 'empty')], { cwd: at.here }),
    ]);
    for (const { code, stderr } of [plain, full, lean, ascii, empty]) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of ['plain', 'full', 'lean']) expect(at.read(`up/${name}`).equals(bytes)).toBe(true);
    expect(at.read('up/ascii').toString()).toBe(text);
    expect(at.read('up/empty')).toHaveLength(0);
    expect(JSON.parse(full.stdout)).toMatchObject({
      bytes: bytes.length,
      options: { tsize: String(bytes.length), blksize: '1432', windowsize: '8', timeout: '3', rollover: '1' },
    });
    expect(JSON.parse(lean.stdout)).toMatchObject({ options: {} });
    expect(at.ended.find(({ request }) => request.asked === 'ascii')).toMatchObject({ bytes: wireText.length });
  });

  test('what fails ends with 1 and says why', async () => {
    const at = await transferLab();
    const before = at.tree('up');
    const rows: readonly (readonly [args: readonly string[], told: RegExp])[] = [
      [['file.bin', url(at, 'old')], /the server answered ERROR 6: file already exists/],
      [['absent', url(at, 'new')], /cannot read absent: there is no such file or folder/],
      [['/dev/null', url(at, 'new')], /not a regular file/],
    ];
    await Promise.all(
      rows.map(async ([args, told]) => {
        const { code, stdout, stderr } = await pxe(['put', ...args], { cwd: at.here });
        expect(stderr).toMatch(told);
        expect(stderr).not.toMatch(/^\s+at /m);
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      }),
    );
    expect(at.tree('up')).toEqual(before);
  });

  test('a pipe is refused rather than sent as an empty file', async () => {
    const at = await transferLab();
    const fed = await run([
      'sh',
      '-c',
      'echo hello | "$1" "$2" put /dev/stdin "$3"',
      'sh',
      process.execPath,
      cli,
      url(at, 'new'),
    ]);
    expect(fed.code).toBe(1);
    expect(existsSync(join(at.path, 'up/new'))).toBe(false);
  });
});

describeWith('get to a device', [requireRoot(), ...requireTools('mknod')], () => {
  test('writes to it: as root a rename would take its place', async () => {
    const at = await transferLab();
    execFileSync('mknod', [join(at.here, 'null'), 'c', '1', '3']);
    expect(await pxe(['get', url(at, 'boot/file'), 'null'], { cwd: at.here })).toMatchObject({ code: 0, stderr: '' });
    expect(lstatSync(join(at.here, 'null')).isCharacterDevice()).toBe(true);
    expect((await pxe(['get', url(at, 'absent'), 'null'], { cwd: at.here })).code).toBe(1);
    expect(lstatSync(join(at.here, 'null')).isCharacterDevice()).toBe(true);
  });
});

describeWith('on a terminal', requireTools('script'), () => {
  test('there is a bar, and a summary at the end', async () => {
    const at = await transferLab();
    const command = `exec '${process.execPath}' '${cli}' get '${url(at, 'boot/file')}' out -b 512`;
    const { code, stdout } = await run(['script', '-qec', command, '/dev/null'], { cwd: at.here });
    expect(code).toBe(0);
    expect(stdout).toMatch(/\[#* *\] \d+ % .* of 195\.3 KiB/);
    expect(stdout).toMatch(/195\.3 KiB in .* s, .* MB\/s, \d+ resent, tsize=200000 blksize=512/);
    expect(at.read('here/out').equals(bytes)).toBe(true);
  });
});
