/**
 * How fast files are served by HTTP, beside nginx as Debian sets it up, in turns.
 *
 *     npm run measure:http -- [--write]
 *
 * Needs nginx and wrk. Settings by environment: CONNECTIONS (64), SECONDS (5), RUNS (3)
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, serve } from '../test/kit/serve.ts';
import { quantile, Report } from './lib/report.ts';

const CONNECTIONS = Number(process.env.CONNECTIONS ?? 64);
const SECONDS = Number(process.env.SECONDS ?? 5);
const RUNS = Number(process.env.RUNS ?? 3);
const NGINX = process.env.PXE_NGINX ?? '/usr/sbin/nginx';

/** Of nginx's throughput at least. */
const FILES = [
  { name: 'small', bytes: 4096, what: '4 KiB', least: 0.2 },
  { name: 'large', bytes: 100_000_000, what: '100 MB', least: 0.5 },
] as const;

const report = new Report({ script: 'measure:http', settings: ['CONNECTIONS', 'SECONDS', 'RUNS'] });
const folder = mkdtempSync(join(tmpdir(), 'pxe-http-'));
try {
  mkdirSync(join(folder, 'www'));
  for (const { name, bytes } of FILES) writeFileSync(join(folder, 'www', name), Buffer.alloc(bytes, name));
  const [nginxPort, port] = [await freePort(), await freePort()];
  await using _nginx = await startNginx(nginxPort);
  writeFileSync(
    join(folder, 'pxe.config.ts'),
    `export default {
  rootDir: 'www',
  tftp: { listen: [{ address: '127.0.0.1', port: 0 }] },
  http: { listen: [{ address: '127.0.0.1', port: ${port} }], limits: { connectionsPerClient: ${CONNECTIONS * 2} } },
};
`,
  );
  await using _pxe = await serve({ flags: ['--config', join(folder, 'pxe.config.ts')], listeners: 2, cwd: folder });
  report.line(`${CONNECTIONS} connections, ${RUNS} runs of ${SECONDS} s in turns, medians`);
  const rows: (readonly (string | number)[])[] = [];
  const verdicts: (() => void)[] = [];
  for (const { name, what, least } of FILES) {
    const rates = { nginx: [] as number[], pxe: [] as number[] };
    for (let run = 1; run <= RUNS; run++) {
      report.progress(`${what}, run ${run} of ${RUNS}`);
      rates.nginx.push(rateOf(nginxPort, name));
      rates.pxe.push(rateOf(port, name));
    }
    const [theirs, ours] = [quantile(rates.nginx, 0.5), quantile(rates.pxe, 0.5)];
    rows.push([what, Math.round(theirs / 1e6), Math.round(ours / 1e6), (ours / theirs).toFixed(2)]);
    verdicts.push(() => report.check(ours >= least * theirs, `${what}: at least ${least} of nginx`, (ours / theirs).toFixed(2)));
  }
  report.table([['file', 'nginx, MB/s', 'pxe, MB/s', 'ratio'], ...rows]);
  for (const verdict of verdicts) verdict();
  report.end('http');
} finally {
  rmSync(folder, { recursive: true });
}

/** Bytes a second, of bodies and headers. A large file that is under way at the end counts as far as it has come. */
function rateOf(port: number, name: string): number {
  const flags = ['-t', '1', '-c', String(CONNECTIONS), '-d', String(SECONDS), '--timeout', '60'];
  const text = execFileSync('wrk', [...flags, `http://127.0.0.1:${port}/${name}`], { encoding: 'utf8' });
  if (/Non-2xx|connect [1-9]|read [1-9]|write [1-9]/.test(text)) throw new Error(`requests failed:\n${text}`);
  const [, amount, unit] = /Transfer\/sec:\s+([\d.]+)(KB|MB|GB)/.exec(text) ?? [];
  return Number(amount) * { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[unit as 'KB' | 'MB' | 'GB'];
}

/** With what Debian's nginx.conf says of performance. */
async function startNginx(port: number): Promise<AsyncDisposable> {
  mkdirSync(join(folder, 'temporary'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path temporary;`);
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `${user} daemon off; worker_processes auto; pid nginx.pid; error_log error.log;
     events { worker_connections 768; }
     http {
       ${temporary.join(' ')}
       sendfile on; tcp_nopush on; types_hash_max_size 2048; access_log access.log;
       server { listen 127.0.0.1:${port}; root www; }
     }`,
  );
  const child = spawn(NGINX, ['-p', folder, '-c', config, '-e', 'error.log'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  for (let attempt = 0; attempt < 100 && !(await listens(port)); attempt++) await sleep(50);
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
