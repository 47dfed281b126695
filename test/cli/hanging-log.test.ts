/** `pxe serve` whose log cannot be written: it serves, its memory stays, and SIGTERM ends it. */
import { closeSync, constants, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { folder, until } from '../kit/lab.ts';
import { cli, run, start } from '../kit/pxe.ts';
import { freePort } from '../kit/serve.ts';
import { get, Peer, rrq } from '../kit/tftp.ts';
import { describeWith, requireRoot, requireTools } from '../kit/tools.ts';

/** Runs the server by a shell that puts its log where `redirection` says, and returns when it serves. */
async function serving(redirection: (path: string) => string) {
  const { path, put } = folder();
  put('ROOT/file', 'hello');
  const port = await freePort();
  const command = [process.execPath, cli, '--json', '--root-dir', 'ROOT', '--interface', '127.0.0.1', '--port', String(port)];
  const running = start(command, { cwd: path, prefix: ['sh', '-c', `${redirection(path)}`, 'sh'] });
  const fetch = () => get({ address: '127.0.0.1', port }, 'file');
  let up = false;
  for (let attempt = 0; attempt < 100 && !up; attempt++) {
    await using peer = await Peer.open();
    peer.send({ address: '127.0.0.1', port }, rrq('absent'));
    up = (await peer.poll(200)) !== undefined;
  }
  expect(up, running.stderr).toBe(true);
  return Object.assign(running, { path, fetch });
}

const residentMiB = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) / 1024;

/** Clock ticks that the process has used. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

type Serving = Awaited<ReturnType<typeof serving>>;

async function servesOnAndEnds(running: Serving, requests?: number): Promise<void> {
  await servesOn(running, requests);
  await ends(running);
}

async function servesOn(running: Serving, requests = 300): Promise<void> {
  for (let i = 0; i < requests; i++) expect((await running.fetch()).bytes.toString()).toBe('hello');
  const before = { memory: residentMiB(running.pid), ticks: cpuTicks(running.pid) };
  await new Promise((resolve) => setTimeout(resolve, 3000));
  // Nothing was asked for meanwhile. Before, it was 60 MiB more, and a whole core: 300 ticks.
  expect(residentMiB(running.pid) - before.memory).toBeLessThan(20);
  expect(cpuTicks(running.pid) - before.ticks).toBeLessThan(100);
  expect((await running.fetch()).bytes.toString()).toBe('hello');
}

async function ends(running: Serving): Promise<void> {
  running.kill('SIGTERM');
  expect(await running.ended).toEqual({ code: 0, signal: null });
  expect(running.stderr).toBe('');
}

describe('a log that cannot be written', () => {
  test('goes to /dev/full', async () => {
    await using running = await serving(() => 'exec "$@" >/dev/full');
    await servesOnAndEnds(running);
  });

  test('goes to a pipe whose reader has stopped', async () => {
    const { path } = folder();
    const pipe = join(path, 'pipe');
    expect(await run(['mkfifo', pipe])).toMatchObject({ code: 0 });
    const fd = openSync(pipe, constants.O_RDWR);
    onTestFinished(() => closeSync(fd));
    await using running = await serving(() => `exec "$@" >${pipe}`);
    await servesOnAndEnds(running, 600);
  });

  test('goes to a socket that was closed with lines unread', async () => {
    await using running = await serving(() => 'exec "$@"');
    await running.until((out) => out.includes('"msg":"ready"'), 'ready');
    running.pauseOutput();
    // More than this process buffers: closing a socket with bytes unread is ECONNRESET for the writer, not EPIPE.
    for (let i = 0; i < 400; i++) await running.fetch();
    running.hangUp();
    await servesOnAndEnds(running);
  });

  test('goes to descriptors that are closed', async () => {
    await using running = await serving(() => 'exec "$@" >&-');
    await servesOnAndEnds(running, 20);
  });
});

describeWith('a log on a disk that is full', [requireRoot(), ...requireTools('unshare', 'mount')], () => {
  test('goes on when there is room again, with all that waited', async () => {
    const script = (path: string) => {
      mkdirSync(join(path, 'disk'));
      return 'mount -t tmpfs -o size=1m none disk && head -c 1040000 /dev/zero >disk/fill; exec "$@" >disk/log';
    };
    await using running = await serving((path) => `exec unshare -m sh -c '${script(path)}' sh "$@"`);
    const disk = `/proc/${running.pid}/root${running.path}/disk`;
    await servesOn(running);
    rmSync(`${disk}/fill`);
    const lines = () => readFileSync(`${disk}/log`, 'utf8').trimEnd().split('\n');
    // The first one of the log, and the last one of these requests.
    await until(() => lines().length >= 600, 'lines that waited');
    expect(lines().map((line) => JSON.parse(line).msg)).toEqual(
      expect.arrayContaining(['starting', 'ready', 'transfer completed']),
    );
    await ends(running);
  });

  test('ends all the same', async () => {
    const script = 'mkdir disk && mount -t tmpfs -o size=1m none disk && exec "$@" >disk/log';
    await using running = await serving(() => `exec unshare -m sh -c '${script}' sh "$@"`);
    writeFileSync(`/proc/${running.pid}/root${running.path}/disk/fill`, Buffer.alloc(1_000_000));
    await servesOn(running);
    await ends(running);
  });
});
