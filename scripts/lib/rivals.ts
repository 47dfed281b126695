/**
 * TFTP servers side by side: how each is started over a folder on loopback, found out to be ready, watched and ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StatsSnapshot } from '../../src/stats/stats.ts';
import { download } from '../../src/tftp/client/client.ts';
import { freePort } from '../../test/kit/serve.ts';
import { CpuGroup } from './cpu-group.ts';
import { readStats, statsPlugin } from './server-stats.ts';

/** A server that can be started. */
export interface Contender {
  readonly name: string;
  /** A program that must be on the PATH. */
  readonly program: string;
  /** It takes no other port. */
  readonly port?: number;
  command(root: string, port: number): readonly string[];
}

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

export const CONTENDERS: readonly Contender[] = [
  {
    name: 'pxe',
    program: process.execPath,
    command: (root, port) => [process.execPath, cli, 'serve', '--config', pxeConfig(root, port)],
  },
  {
    name: 'dnsmasq',
    program: 'dnsmasq',
    port: 69,
    command: (root) => [
      ...['dnsmasq', '-k', '-p', '0', '-C', '/dev/null', '--pid-file=', '--user=root', '--enable-tftp', `--tftp-root=${root}`],
      ...['--listen-address=127.0.0.1', '--bind-interfaces', '--tftp-max=4096', '--quiet-tftp', '--log-facility=/dev/null'],
    ],
  },
  {
    name: 'tftpd-hpa',
    program: 'in.tftpd',
    command: (root, port) => [
      ...['in.tftpd', '--foreground', '--listen', '--address', `127.0.0.1:${port}`, '--user', 'nobody', '--secure', root],
    ],
  },
  {
    name: 'atftpd',
    program: 'atftpd',
    command: (root, port) => [
      ...['atftpd', '--daemon', '--no-fork', '--port', `${port}`, '--bind-address', '127.0.0.1', '--maxthread', '4096'],
      ...['--verbose=0', '--logfile', '-', root],
    ],
  },
];

export function isInstalled({ program }: Contender): boolean {
  return ['', ...(process.env.PATH ?? '').split(delimiter)].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A server that runs. Leaving its scope ends it. */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** CPU seconds so far, those of its children included, as far as the system tells. */
  cpuSeconds(): number;
  /** Bytes of resident memory of all its processes, at the most since it was asked before. Shared pages count in each. */
  peakBytes(): number;
  /** What it has counted; `undefined` of a rival. */
  stats(): Promise<StatsSnapshot | undefined>;
}

/** Time to answer its first request. */
const START_MS = 20_000;
const SAMPLE_MS = 100;

/** @param readyFile a small file under the root. Rejects if the server does not answer for it. */
export async function startServer(contender: Contender, root: string, readyFile: string): Promise<RunningServer> {
  const port = contender.port ?? (await freePort());
  const group = CpuGroup.make(`pxe-${process.pid}-${port}`);
  const [program, ...args] = [...(group?.prefix ?? []), ...contender.command(root, port)];
  const child = spawn(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  child.once('error', (error) => {
    said += error.message;
  });
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, treeBytes(child.pid));
  };
  const sampler = setInterval(look, SAMPLE_MS);
  const server: RunningServer = {
    port,
    pid: child.pid!,
    cpuSeconds: () => group?.seconds ?? cpuSeconds(child.pid),
    peakBytes: () => {
      look();
      const most = peak;
      peak = 0;
      return most;
    },
    stats: async () => (contender.name === 'pxe' ? readStats(child.pid!, statsFile(root)) : undefined),
    async [Symbol.asyncDispose]() {
      clearInterval(sampler);
      await end(child);
      group?.[Symbol.dispose]();
    },
  };
  for (const giveUpAt = performance.now() + START_MS; ; ) {
    if (await answers(port, readyFile)) return server;
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined && performance.now() < giveUpAt) continue;
    await server[Symbol.asyncDispose]();
    throw new Error(`${contender.name} does not answer: ${said.trim() || 'it said nothing'}`);
  }
}

function statsFile(root: string): string {
  return `${root}.stats.json`;
}

/** One plugin and the access log, as a real config has, and one that tells what was counted. */
function pxeConfig(root: string, port: number): string {
  const file = `${root}.config.ts`;
  writeFileSync(
    file,
    `import { defineConfig, definePlugin } from 'pxe';
import { accessLog, rewrite } from 'pxe/plugins';

export default defineConfig({
  rootDir: ${JSON.stringify(root)},
  tftp: { listen: [{ address: '127.0.0.1', port: ${port} }] },
  plugins: [rewrite([{ match: /^boot\\//i, replace: '' }]), accessLog(), ${statsPlugin(statsFile(root))}],
});
`,
  );
  return file;
}

async function answers(port: number, name: string): Promise<boolean> {
  try {
    await download({ host: '127.0.0.1', port, name }, () => {}, { limits: { idleMs: 1000 } });
    return true;
  } catch {
    await sleep(50);
    return false;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(force);
}

/** Linux counts in hundredths of a second. */
function cpuSeconds(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}

function treeBytes(pid: number | undefined): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return [`${pid}`, ...children].reduce((sum, each) => sum + residentPages(each), 0) * 4096;
  } catch {
    return 0;
  }
}

function residentPages(pid: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  } catch {
    // Ended in the meantime.
    return 0;
  }
}
