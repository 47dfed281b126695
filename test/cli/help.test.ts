/** `--help`, exit codes and wrong arguments of every command. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { makeProgram } from '../../src/cli/program.ts';
import { cli, pxe, run } from '../kit/pxe.ts';

/** Every flag that a command has; its help must show no other and none less. */
const flags: Readonly<Record<string, readonly string[]>> = {
  serve: ['--config', '--interface', '--port', '--root-dir', '--verbose', '--no-watch', '--json'],
  check: ['--config', '--interface', '--port', '--root-dir', '--watch', '--json'],
  explain: [
    '--mac',
    '--uuid',
    '--serial',
    '--ip',
    '--firmware',
    '--arch',
    '--option',
    '--mode',
    '--all-hosts',
    '--diff',
    '--config',
    '--root-dir',
    '--json',
  ],
  doctor: ['--interface', '--firmware', '--mac', '--server', '--timeout', '--yes', '--json'],
  get: transferFlags(),
  put: transferFlags(),
  storm: [
    ...[
      '--hosts',
      '--config',
      '--clients',
      '--boots',
      '--profile',
      '--arrival',
      '--over',
      '--blksize',
      '--windowsize',
      '--loss',
      '--duplicate',
    ],
    ...[
      '--reorder',
      '--seed',
      '--verify',
      '--allow-absent',
      '--local-address',
      '--transport',
      '--max-seconds',
      '--yes',
      '--json',
    ],
  ],
  'import-map': ['--directory'],
};

function transferFlags(): readonly string[] {
  const options = ['--blksize', '--windowsize', '--timeout', '--rollover', '--no-tsize', '--mode'];
  return [...options, '--local-address', '--retries', '--json'];
}

/** What a command line comes to before anything is done. */
async function parse(...args: readonly string[]) {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const program = await makeProgram(args);
  for (const command of [program, ...program.commands]) {
    command.configureOutput({
      writeOut: (text) => void stdout.push(text),
      writeErr: (text) => void stderr.push(text),
      getOutHelpWidth: () => 80,
      getErrHelpWidth: () => 80,
    });
  }
  const error: unknown = await program.parseAsync(args, { from: 'user' }).catch((thrown: unknown) => thrown);
  if (!(error instanceof CommanderError)) throw new Error(`ran, or failed otherwise: ${error}`);
  return { stdout: stdout.join(''), stderr: stderr.join(''), exitCode: error.exitCode };
}

describe('--help', () => {
  test.each(Object.entries(flags))('of %s names every flag, gives examples and the exit codes', async (command, expected) => {
    const { exitCode, stdout, stderr } = await parse(command, '--help');
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    const named = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag);
    expect(named.sort()).toEqual([...expected, '--help'].sort());
    expect(stdout).toMatch(/^Exit codes: 0 .*1 .*2 /m);
    if (command !== 'check') expect(stdout).toMatch(new RegExp(`Examples?:\\n {2}pxe ${command}`));
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(132);
  });

  test('of the program names every command, and how it ends', async () => {
    const help = await parse('--help');
    expect(help.exitCode).toBe(0);
    for (const command of Object.keys(flags)) expect(help.stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    expect(help.stdout).toMatch(/Exit codes: 0 .*1 .*2 .*3 /);
    expect(help.stdout).toContain('Without a command, pxe serves');
    expect((await parse('help')).stdout).toBe(help.stdout);
    expect((await parse('help', 'serve')).stdout).toBe((await parse('serve', '--help')).stdout);
  });

  test('--version is that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(await parse('--version')).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
    expect((await parse('-V')).stdout).toBe(`${version}\n`);
  });
});

test.each<[args: readonly string[], told: RegExp]>([
  [['serve', '--bogus'], /unknown option '--bogus'/],
  [['--bogus'], /unknown option '--bogus'/],
  [['serve', 'one', 'two'], /too many arguments/],
  [['serve', '--port', 'abc'], /--port.*abc.*0 to 65535/],
  [['serve', '--port', '65536'], /0 to 65535/],
  [['serve', '--port', '-1'], /0 to 65535/],
  [['serve', '--port', '1e3'], /0 to 65535/],
  [['serve', '--port'], /argument missing/],
  [['serve', '--config'], /argument missing/],
  [['explain'], /missing required argument 'name'/],
  [['explain', 'x', 'y'], /several names need --all-hosts/],
  [['explain', '--all-hosts', '--ip', '127.0.0.2'], /--all-hosts.*cannot be used with.*--ip/],
  [['explain', 'x', '--diff'], /argument missing/],
  [['explain', 'x', '--mac', '52:54:00'], /--mac.*52:54:00:12:34:56/],
  [['explain', 'x', '--ip', 'web1'], /--ip.*IPv4 or IPv6/],
  [['explain', 'x', '--option', 'blksize'], /--option.*name=value/],
  [['explain', 'x', '--option', '=5'], /name=value/],
  [['explain', 'x', '--mode', 'mail'], /octet, netascii/],
  [['explain', '--firmware', 'uefi'], /--firmware.*uefi-x64/],
  [['explain', '--arch', '65536'], /--arch.*0 to 65535/],
  [['doctor', '--firmware', 'uefi'], /--firmware.*uefi-x64/],
  [['doctor', '--mac', '52:54:00'], /--mac.*52:54:00:12:34:56/],
  [['doctor', '--server', 'boot1'], /--server.*192\.168\.7\.1/],
  [['doctor', '--timeout', '0'], /--timeout.*1 to 60/],
  [['get'], /missing required argument 'url'/],
  [['get', 'tftp://127.0.0.1/x', '--blksize', '7'], /8 to 65464/],
  [['get', 'tftp://127.0.0.1/x', '--windowsize', '0'], /1 to 65535/],
  [['get', 'tftp://127.0.0.1/x', '--timeout', '256'], /1 to 255/],
  [['get', 'tftp://127.0.0.1/x', '--rollover', '2'], /0 to 1/],
  [['get', 'tftp://127.0.0.1/x', '--retries', '-1'], /0 to 100/],
  [['get', 'tftp://127.0.0.1/x', '--mode', 'mail'], /octet, netascii/],
  [['get', 'http://127.0.0.1/x'], /tftp:\/\/host/],
  [['get', 'tftp://127.0.0.1:0/x'], /port must be from 1 to 65535/],
  [['put', 'x'], /missing required argument 'url'/],
  [['put', 'x', 'tftp://:5/x'], /tftp:\/\/host/],
  [['storm'], /missing required argument 'url'/],
  [['storm', 'tftp://127.0.0.1/x,'], /tftp:\/\/host/],
  [['storm', 'tftp://127.0.0.1/x', '--profile', 'amiga'], /edk2, ipxe, grub, uboot, pxelinux, rpi, mixed/],
  [['storm', 'tftp://127.0.0.1/x', '--loss', '1'], /from 0 to 1/],
  [['storm', 'tftp://127.0.0.1/x', '--clients', '0'], /1 to 100000/],
])('wrong arguments are told: %j', async (args, told) => {
  const { exitCode, stdout, stderr } = await parse(...args);
  expect(stderr).toMatch(told);
  expect(stderr).toContain('(see --help)');
  expect(stdout).toBe('');
  expect(exitCode).not.toBe(0);
});

test.each<[word: string, told: RegExp]>([
  ['srve', /there is no command or folder "srve"; did you mean "pxe serve"\?/],
  ['exlpain', /did you mean "pxe explain"\?/],
  ['./nowhere', /there is no command or folder "\.\/nowhere"$/m],
  [
    'package.json',
    /"package.json" is neither a command nor a folder; to serve with this config: pxe serve --config package.json/,
  ],
  ['LICENSE', /"LICENSE" is neither a command nor a folder$/m],
])('a first word that is neither a command nor a folder: %s', async (word, told) => {
  const { code, stdout, stderr } = await pxe([word], { cwd: fileURLToPath(new URL('../..', import.meta.url)) });
  expect(stderr).toMatch(told);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

describe.concurrent('exit codes of the process', () => {
  test.each<[args: readonly string[], code: number]>([
    [['--help'], 0],
    [['--version'], 0],
    [['serve', '--port', 'abc'], 2],
  ])('%j: %i', async (args, code) => {
    const ran = await pxe(args);
    expect(ran.code).toBe(code);
    expect(ran.stdout === '').toBe(code !== 0);
    expect(ran.stderr).not.toMatch(/^\s+at /m);
  });

  test.each([
    [[]],
    [['serve']],
    [['check']],
    [['explain', 'x']],
  ])('no config and no --root-dir is 2, and the three ways out are told: %j', async (args) => {
    const { code, stdout, stderr } = await pxe(args, { cwd: '/' });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/no config found in .*\n.*--root-dir.*\n.*pxe\.config\.ts.*\n.*--config/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

test.each([
  [['--help'], 0],
  [['explain', '--help'], 0],
  [['check', '--config', 'absent.config.ts', '--json'], 2],
])('%j into a pipe that nobody reads ends as ever, without a stack', async (args, code) => {
  const script = '{ "$@"; echo "code $?" >&2; } | true';
  const { stderr } = await run(['sh', '-c', script, 'sh', process.execPath, cli, ...args]);
  expect(stderr).toMatch(new RegExp(`^code ${code}$`, 'm'));
  expect(stderr).not.toMatch(/EPIPE|^\s+at /m);
});
