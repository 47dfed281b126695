/** What a log's destination does to its writer: nothing, whatever it is. Real pipes, sockets and devices; a full disk is /dev/full. */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LogDestination } from '../../src/cli/log-destination.ts';
import { folder, until } from '../kit/lab.ts';
import { run } from '../kit/pxe.ts';

const { O_RDONLY, O_NONBLOCK, O_RDWR } = constants;

/** A named pipe: `reader` takes what is in it. */
async function pipe() {
  const name = join(folder().path, 'pipe');
  expect(await run(['mkfifo', name])).toMatchObject({ code: 0 });
  const reader = openSync(name, O_RDONLY | O_NONBLOCK);
  const writer = openSync(name, O_RDWR);
  onTestFinished(() => closeSync(writer));
  const got: Buffer[] = [];
  return {
    name,
    writer,
    closeReader: () => closeSync(reader),
    read(): string {
      const buffer = Buffer.alloc(65_536);
      for (;;) {
        try {
          got.push(Buffer.from(buffer.subarray(0, readSync(reader, buffer))));
        } catch {
          return Buffer.concat(got).toString();
        }
      }
    },
  };
}

const line = (index: number) => `line ${index} ${'é'.repeat(index % 50)}\n`;
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => line(from + i)).join('');

test('lines come as they were written, in order, none torn', async () => {
  const { writer, read } = await pipe();
  const destination = new LogDestination(writer);
  for (let i = 0; i < 5000; i++) destination.write(line(i));
  await until(() => read() === lines(0, 5000), 'all lines');
});

test('a line longer than a write at once', async () => {
  const { writer, read } = await pipe();
  const destination = new LogDestination(writer);
  const long = `${'x'.repeat(300_000)}\n`;
  destination.write(long);
  destination.write('short\n');
  await until(() => read() === `${long}short\n`, 'both lines');
});

test('a file gets all lines, too', async () => {
  const path = join(folder().path, 'log');
  const fd = openSync(path, 'a');
  onTestFinished(() => closeSync(fd));
  const destination = new LogDestination(fd);
  for (let i = 0; i < 5000; i++) destination.write(line(i));
  await destination.flush(5000);
  expect(readFileSync(path, 'utf8')).toBe(lines(0, 5000));
});

test('a reader that stops: lines wait within the bound, those beyond are one gap, told once and in its place', async () => {
  const { writer, read } = await pipe();
  const destination = new LogDestination(writer, { maxBytes: 100_000 });
  const told: number[] = [];
  destination.onLost = ({ lines, error }) => {
    told.push(lines);
    expect(error).toBeUndefined();
    destination.write('GAP\n');
  };
  const count = 20_000;
  for (let i = 0; i < count; i++) destination.write(line(i));
  expect(told).toEqual([]);
  await until(() => read().includes('GAP\n'), 'the gap told');
  destination.write('after\n');
  await until(() => read().endsWith('after\n'), 'the last line');
  const kept = read().split('GAP\n')[0]!;
  expect(told).toEqual([count - kept.split('\n').length + 1]);
  // What the pipe itself holds, 64 KiB, and the bound.
  expect(Buffer.byteLength(kept)).toBeLessThan(100_000 + 65_536 + 200);
  expect(kept).toBe(lines(0, count - told[0]!));
  expect(read()).toBe(`${kept}GAP\nafter\n`);
});

test.each([
  ['/dev/full', 'ENOSPC'],
  ['/dev/null', undefined],
])('%s', async (device, code) => {
  const fd = openSync(device, 'w');
  onTestFinished(() => closeSync(fd));
  const destination = new LogDestination(fd, { maxBytes: 10_000 });
  let lost = 0;
  destination.onLost = () => void lost++;
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 100; i++) destination.write(line(i));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const begun = performance.now();
  destination.flushSync(5000);
  await destination.flush(code === undefined ? 5000 : 50);
  // A disk that is full is not waited for.
  expect(performance.now() - begun).toBeLessThan(2500);
  expect(lost).toBe(0);
});

test('a reader that has gone and comes back: what waited is there, nothing was thrown', async () => {
  const { name, writer, closeReader } = await pipe();
  // A destination of its own: the descriptor that both reads and writes would keep the pipe alive.
  const only = openSync(name, constants.O_WRONLY | O_NONBLOCK);
  const destination = new LogDestination(only);
  closeSync(only);
  closeReader();
  destination.write('while it was gone\n');
  destination.flushSync(10);
  const cat = spawn('cat', [name], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void cat.kill('SIGKILL'));
  let text = '';
  cat.stdout.on('data', (chunk) => {
    text += chunk;
  });
  void writer;
  destination.write('back\n');
  await until(() => text === 'while it was gone\nback\n', 'both lines');
});

test('a descriptor that is closed', async () => {
  const destination = new LogDestination(999);
  destination.write('to nowhere\n');
  destination.flushSync(5000);
  await destination.flush(20);
});
