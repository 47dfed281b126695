/** A process whose output is waited for. */
import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

export interface Watched {
  /** All that it has written so far, without control sequences. */
  output(): string;
  /**
   * Resolves when its output holds `text`, past or to come. Throws with the end of the output when time is up, or when `hopeless`
   * shows instead.
   */
  shows(text: string, timeoutMs: number, hopeless?: string): Promise<void>;
  stop(): Promise<void>;
}

export function watch([program, ...args]: readonly string[]): Watched {
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      text += error.message;
      resolve();
    });
    child.once('close', () => resolve());
  });
  const waiting = new Set<() => void>();
  let over = false;
  let text = '';
  const wakeAll = () => {
    for (const wake of waiting) wake();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      wakeAll();
    });
  }
  ended.then(() => {
    over = true;
    wakeAll();
  });

  const output = () => stripVTControlCharacters(text).replaceAll('\b', '').replaceAll('\r', '');
  const shows = async (wanted: string, timeoutMs: number, hopeless?: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (why: string) => reject(new Error(`${program} ${why} without showing "${wanted}":\n${output().slice(-3000)}`));
    const wake = () => {
      if (output().includes(wanted)) resolve();
      else if (over) fail('ended');
      else if (hopeless !== undefined && output().includes(hopeless)) fail('went on');
    };
    const timer = setTimeout(() => fail(`ran ${timeoutMs} ms`), timeoutMs);
    waiting.add(wake);
    wake();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(wake);
    }
  };
  return {
    output,
    shows,
    stop: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}
