/** What `pxe serve` has of the operating system: sockets of a service manager, rights, users, a terminal. */
import { chmodSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder } from '../kit/lab.ts';
import { cli, pxe, run, start } from '../kit/pxe.ts';
import { serve } from '../kit/serve.ts';
import { type Address, get, Peer, rrq } from '../kit/tftp.ts';
import { describeWith, type Need, requireIpv6, requireRoot, requireTools } from '../kit/tools.ts';

const linux: Need = { what: 'Linux', met: process.platform === 'linux' };

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const COLOURS = /\x1b\[\d*m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const ACTS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** A folder whose files every user may read. */
function publicFolder() {
  const at = folder();
  chmodSync(at.path, 0o755);
  chmodSync(at.root, 0o755);
  return at;
}

describeWith('sockets of a service manager', [linux, ...requireTools('sh')], () => {
  /** Starts the server as systemd does: descriptors from 3 on, and who they are for. */
  function startWith(fds: readonly number[], env: Record<string, string>, flags: readonly string[], cwd: string) {
    return start([process.execPath, cli, 'serve', '--json', ...flags], {
      prefix: ['sh', '-c', `LISTEN_PID=${env.LISTEN_PID ?? '$$'} exec "$@"`, 'sh'],
      fds,
      env,
      cwd,
    });
  }

  /** A bound socket, and its descriptor. */
  async function bound(address: string): Promise<{ readonly peer: Peer; readonly fd: number; readonly address: Address }> {
    const peer = await Peer.open(address);
    return { peer, fd: peer.fd, address: { address, port: peer.port } };
  }

  test.each([
    ['127.0.0.1', false],
    ['127.0.0.1', true],
    ['::1', false],
  ])('take the place of `listen`: %s, single port %s', async (address, singlePort) => {
    if (address === '::1' && !requireIpv6().met) return;
    const { path, put } = folder();
    put('ROOT/file', 'hello');
    put(
      'pxe.config.json',
      JSON.stringify({ rootDir: 'ROOT', tftp: { listen: [{ address: '192.0.2.99', port: 69 }], singlePort } }),
    );
    const socket = await bound(address);
    await using server = startWith([socket.fd], { LISTEN_FDS: '1', LISTEN_FDNAMES: 'pxe.socket' }, [], path);
    // Ours goes; the server's copy stays.
    await server.until((out) => out.includes('"msg":"ready"'), 'ready');
    await socket.peer[Symbol.asyncDispose]();
    expect(server.stdout).toContain(`"address":"${address}","port":${socket.address.port},"msg":"listening"`);
    const got = await get(socket.address, 'file');
    expect(got.bytes.toString()).toBe('hello');
    expect(got.from.port === socket.address.port).toBe(singlePort);
    server.kill('SIGTERM');
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });

  test('bound to all addresses: a template names the one that faces the client', async () => {
    const { path, put } = folder();
    put('ROOT/x', '');
    put('t', '{{ server }}');
    put(
      'pxe.config.json',
      JSON.stringify({ rootDir: 'ROOT', plugins: [{ use: 'generate', options: { made: { template: './t' } } }] }),
    );
    const socket = await bound('0.0.0.0');
    await using server = startWith([socket.fd], { LISTEN_FDS: '1' }, [], path);
    await server.until((out) => out.includes('"msg":"ready"'), 'ready');
    await socket.peer[Symbol.asyncDispose]();
    const got = await get({ address: '127.0.0.1', port: socket.address.port }, 'made', { local: '127.0.0.5' });
    expect(got.bytes.toString()).toBe('127.0.0.1');
  });

  test('two of them', async () => {
    const { path, put } = folder();
    put('ROOT/file', 'hello');
    const [one, two] = [await bound('127.0.0.1'), await bound('127.0.0.2')];
    await using server = startWith([one.fd, two.fd], { LISTEN_FDS: '2' }, ['--root-dir', 'ROOT'], path);
    await server.until((out) => out.includes('"msg":"ready"'), 'ready');
    for (const { address, peer } of [one, two]) {
      await peer[Symbol.asyncDispose]();
      expect((await get(address, 'file')).bytes.toString()).toBe('hello');
    }
  });

  test.each([
    ['for another process', { LISTEN_FDS: '1', LISTEN_PID: '1' }],
    ['none of them', { LISTEN_FDS: '0' }],
    ['nonsense', { LISTEN_FDS: 'abc' }],
    ['no number of them', {}],
  ])('%s: the config decides', async (_what, env) => {
    const { path, put } = folder();
    put('ROOT/file', 'hello');
    const socket = await bound('127.0.0.1');
    const flags = ['--root-dir', 'ROOT', '--interface', '127.0.0.1', '--port', '0'];
    await using server = startWith([socket.fd], env, flags, path);
    await server.until((out) => out.includes('"msg":"ready"'), 'ready');
    const port = Number(/"port":(\d+),"msg":"listening"/.exec(server.stdout)?.[1]);
    expect(port).not.toBe(socket.address.port);
    expect((await get({ address: '127.0.0.1', port }, 'file')).bytes.toString()).toBe('hello');
    await socket.peer[Symbol.asyncDispose]();
  });

  test('a descriptor that is no UDP socket is told, and ends it', async () => {
    const { path } = folder();
    const { open } = await import('node:fs/promises');
    await using file = await open('/dev/null');
    await using server = startWith([file.fd], { LISTEN_FDS: '1' }, ['--root-dir', 'ROOT'], path);
    const { code } = await server.ended;
    expect(code).toBe(3);
    expect(server.stderr).toMatch(/^pxe: a descriptor .*LISTEN_FDS.* is not a UDP socket/);
    expect(server.stderr).not.toMatch(/^\s+at /m);
  });
});

describeWith('a port below 1024', [linux, requireRoot(), ...requireTools('setpriv'), privilegedPorts()], () => {
  test('without the right to it: 3, and the three ways out', async () => {
    const { path } = publicFolder();
    const { code, stderr } = await pxe(['serve', '--root-dir', path, '--interface', '127.0.0.1', '--json'], {
      prefix: ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'],
      cwd: '/',
    });
    expect(stderr).toMatch(/^pxe: not permitted to listen on 127\.0\.0\.1 port 69/);
    expect(stderr).toContain("user: 'nobody'");
    expect(stderr).toContain('setcap cap_net_bind_service');
    expect(stderr).toContain('ListenDatagram=69');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(3);
  });
});

describeWith('another user', [linux, requireRoot(), ...requireTools('id')], () => {
  const statusOf = (pid: number) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const line = (name: string) =>
      new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'm').exec(status)?.[1]?.split(/\s+/).filter(Boolean) ?? [];
    return { uid: line('Uid'), gid: line('Gid'), groups: line('Groups') };
  };
  const idOf = async (...args: string[]) => (await run(['id', ...args])).stdout.trim().split(/\s+/);

  test('is become once the ports are bound, for good, with its groups, and without root’s right to files', async () => {
    const at = publicFolder();
    at.put('ROOT/file', 'hello');
    at.put('ROOT/secret', 'for root');
    chmodSync(join(at.root, 'secret'), 0o600);
    at.put(
      'pxe.config.json',
      JSON.stringify({ rootDir: 'ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 869 }] }, user: 'nobody' }),
    );
    chmodSync(join(at.path, 'pxe.config.json'), 0o644);
    await using server = await serve({ flags: [], cwd: at.path });
    await server.logged(({ msg }) => msg === 'ready');
    const [uid, gid, groups] = [await idOf('-u', 'nobody'), await idOf('-g', 'nobody'), await idOf('-G', 'nobody')];
    expect(statusOf(server.pid)).toEqual({ uid: Array(4).fill(uid[0]), gid: Array(4).fill(gid[0]), groups });
    // Every thread, not the main one alone.
    const { readdirSync } = await import('node:fs');
    for (const task of readdirSync(`/proc/${server.pid}/task`)) {
      const status = readFileSync(`/proc/${server.pid}/task/${task}/status`, 'utf8');
      expect(status).toMatch(new RegExp(`^Uid:\\s+${uid[0]}\\s+${uid[0]}\\s+${uid[0]}\\s+${uid[0]}$`, 'm'));
    }
    expect((await get({ address: '127.0.0.1', port: 869 }, 'file')).bytes.toString()).toBe('hello');
    expect((await get({ address: '127.0.0.1', port: 869 }, 'secret')).error).toMatchObject({ code: 2 });
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.noise).toEqual([]);
  });

  test('and another group', async () => {
    const at = publicFolder();
    at.put(
      'pxe.config.json',
      JSON.stringify({ rootDir: 'ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] }, user: 'nobody:daemon' }),
    );
    await using server = await serve({ flags: [], cwd: at.path });
    await server.logged(({ msg }) => msg === 'ready');
    const gid = /^daemon:[^:]*:(\d+)/m.exec(readFileSync('/etc/group', 'utf8'))?.[1];
    expect(statusOf(server.pid).gid).toEqual(Array(4).fill(gid));
  });

  test.each([
    ['a user', 'nobody-of-this-name', 2, /there is no user "nobody-of-this-name"/],
    ['a group', 'nobody:no-group-of-this-name', 1, /cannot become user nobody:no-group-of-this-name/],
  ])('%s that there is not ends it: it does not go on as root', async (_what, user, expected, told) => {
    const at = publicFolder();
    at.put('pxe.config.json', JSON.stringify({ rootDir: 'ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] }, user }));
    const { code, signal, stderr } = await pxe(['serve', '--json'], { cwd: at.path, limitMs: 8000 });
    expect(stderr).toMatch(told);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ code, signal }).toEqual({ code: expected, signal: null });
  });

  test('that may not read the config, or a file: each save, and each request, has its line, without accessLog', async () => {
    const at = publicFolder();
    const text = (save: number) =>
      `export default { rootDir: 'ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] }, user: 'nobody', stableMs: ${save} };`;
    const file = at.put('pxe.config.ts', text(0));
    chmodSync(file, 0o600);
    chmodSync(at.put('ROOT/secret', 'for root'), 0o600);
    await using server = await serve({ flags: [], cwd: at.path });
    await server.logged(({ msg, path }) => msg.includes('saving it has no effect') && path === file);
    expect((await get({ address: '127.0.0.1', port: server.port }, 'secret')).error).toMatchObject({ code: 2 });
    expect(await server.logged(({ msg }) => msg === 'request refused')).toMatchObject({
      level: 40,
      asked: 'secret',
      error: { code: 2, message: 'access violation', cause: expect.stringContaining('EACCES') },
    });
    const failures = () => server.log.filter(({ msg }) => msg.startsWith('reload failed'));
    for (let save = 1; save <= 3; save++) {
      writeFileSync(file, text(save));
      await server.logged(() => failures().length === save, 10_000);
    }
    expect(failures().map(({ msg }) => msg)).toEqual(
      Array(3).fill(`reload failed, the current config stays in force: ${file}: permission denied: user "nobody" cannot read it`),
    );
    chmodSync(file, 0o644);
    await server.logged(({ msg }) => msg === 'reload done', 10_000);
    unlinkSync(file);
    await server.logged(({ msg }) => msg.endsWith('pxe.config.ts: no such file'), 10_000);
  });

  test('cannot be become by who is not root', async () => {
    const at = publicFolder();
    at.put(
      'pxe.config.json',
      JSON.stringify({ rootDir: 'ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] }, user: 'root' }),
    );
    chmodSync(join(at.path, 'pxe.config.json'), 0o644);
    const { code, stderr } = await pxe(['serve', '--json'], {
      cwd: at.path,
      prefix: ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'],
      limitMs: 8000,
    });
    expect(stderr).toMatch(/cannot become user root/);
    expect(code).toBe(1);
  });
});

describeWith('on a terminal', [linux, ...requireTools('script')], () => {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

  /** The program on a pseudo-terminal of 132 columns. */
  function onTerminal(args: readonly string[], cwd: string) {
    const command = ['stty', 'cols', '132;', 'exec', ...[process.execPath, cli, ...args].map(quoted)].join(' ');
    return start(['script', '-qec', command, '/dev/null'], { cwd, env: { TERM: 'xterm', NO_COLOR: '', FORCE_COLOR: '' } });
  }

  test('the log is for people, control bytes of a client’s text are visible, and Ctrl-C ends it', async () => {
    const at = folder();
    at.put(
      'pxe.config.ts',
      `import { defineConfig, definePlugin } from 'pxe';
import { accessLog } from 'pxe/plugins';
const bad = definePlugin({ name: 'bad', setup: () => ({ open({ name, asked }) {
  if (name.startsWith('boom')) throw new Error('no ' + asked + ' here');
} }) });
export default defineConfig({ rootDir: 'ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] }, plugins: [bad(), accessLog()] });`,
    );
    await using server = onTerminal(['serve', '--verbose'], at.path);
    const plain = (text: string) => text.replace(COLOURS, '');
    await server.until((out) => /ready/.test(out), 'ready');
    const port = Number(/listening on 127\.0\.0\.1 port (\d+)/.exec(plain(server.stdout))?.[1]);
    const address = { address: '127.0.0.1', port };
    // Clears the screen, rings, forges a line, turns text round, sets a title with 8-bit codes.
    const evil = 'boot\x1b[2J\x07\r\n{"level":30} forged\u202etxt.exe\u009b31m';
    expect((await get(address, evil)).error?.code).toBe(1);
    // Junk at the end is no part of the name, yet of what was asked, and of what the plugin throws.
    expect((await get(address, 'boom\x07\x1b\u009b')).error?.code).toBe(0);
    await using peer = await Peer.open();
    peer.send(address, rrq('x', 'octet\x1b[2J'));
    await peer.reply();
    const out = await server.until(
      (text) => /not found[\s\S]*refused[\s\S]*refused[\s\S]*transfer mode/.test(plain(text)) && text,
      'three lines',
    );
    server.type('\x03');
    expect((await server.ended).code).toBe(0);
    const shown = plain(`${out}${server.stdout.slice(out.length)}`);
    expect(shown).toMatch(/^\d\d:\d\d:\d\d ready\r?$/m);
    expect(shown).toMatch(/^\d\d:\d\d:\d\d stopped\r?$/m);
    // What each hook answers, for --verbose.
    expect(shown).toMatch(/^ {9}open bad: boom → failed: no boom/m);
    expect(shown).not.toMatch(/^\{/m);
    expect(shown).toContain('boot\\x1b[2J\\x07\\x0d\\x0a{');
    expect(shown).toContain('forged\\u202etxt.exe\\x9b31m');
    expect(shown).toMatch(/error pxe\.config\.ts:4:\d+: plugin "bad", open: no boom\\x07\\x1b\\x9b here\r?$/m);
    // Nothing that acts on a terminal but colours and line ends is left.
    expect(shown.replace(/\r?\n/g, '')).not.toMatch(ACTS);
  });

  test('--json logs JSON there, too', async () => {
    const at = folder();
    await using server = onTerminal(
      ['serve', '--json', '--root-dir', 'ROOT', '--interface', '127.0.0.1', '--port', '0'],
      at.path,
    );
    await server.until((out) => out.includes('"msg":"ready"'), 'ready');
    server.type('\x03');
    expect((await server.ended).code).toBe(0);
    for (const line of server.stdout.replace(/\^C/g, '').trim().split(/\r?\n/)) expect(JSON.parse(line)).toHaveProperty('msg');
  });
});

/** Some containers let everybody bind every port. */
function privilegedPorts(): Need {
  const first = () => Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  return { what: 'ports that need a right', met: process.platform === 'linux' && first() > 69 };
}
