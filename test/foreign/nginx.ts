/** A real nginx on loopback, in a folder of its own: nothing of the machine's configuration, no service. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

/** The package's program; a machine may have it without the service. */
export const nginxProgram = process.env.PXE_NGINX ?? '/usr/sbin/nginx';

export interface Nginx extends AsyncDisposable {
  /** Without mercy, as a power cut does. */
  kill(): Promise<void>;
}

/** What nginx says of an answer once it is over: `GET /pub/kernel 206 bytes=100- 900`. */
export const logFormat = '$request_method $uri $status $http_range $body_bytes_sent';

export interface NginxOptions {
  /** It goes on at a byte a second after so many. */
  readonly stallAfterBytes?: number;
  /** Files of a certificate and its key: serves https. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** Serves `DIR/www`, and writes `DIR/access.log`. Returns when it listens. */
export async function startNginx(dir: string, port: number, { stallAfterBytes, tls }: NginxOptions = {}): Promise<Nginx> {
  await mkdir(join(dir, 'temporary'), { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path temporary;`);
  const stall = stallAfterBytes === undefined ? '' : `limit_rate_after ${stallAfterBytes}; limit_rate 1;`;
  const secure = tls && `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key};`;
  const config = join(dir, 'nginx.conf');
  await writeFile(
    config,
    `daemon off; master_process off; pid nginx.pid; error_log error.log;
     events {}
     http {
       ${temporary.join(' ')}
       log_format told '${logFormat}'; access_log access.log told;
       server { listen 127.0.0.1:${port}${tls ? ' ssl' : ''}; root www; sendfile on; ${stall} ${secure ?? ''} }
     }`,
  );
  const child = spawn(nginxProgram, ['-p', dir, '-c', config, '-e', 'error.log'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  for (let attempt = 0; attempt < 200 && child.exitCode === null; attempt++) {
    if (await listens(port)) return { kill, [Symbol.asyncDispose]: kill };
  }
  await kill();
  throw new Error(`nginx does not listen: ${await readFile(join(dir, 'error.log'), 'utf8').catch(String)}`);
}

export async function accessLog(dir: string): Promise<string[]> {
  const text = await readFile(join(dir, 'access.log'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('connect', () => socket.destroy());
    socket.on('error', () => setTimeout(() => resolve(false), 20));
  });
}
