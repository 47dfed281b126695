/**
 * The TFTP clients of Debian 12 and what each can be made to ask for. The matrix of `clients.test.ts` is generated from this
 * table, and every line of it is tried: `wire` against the request that really leaves the client, `cannot` by asking for it.
 * Knows nothing of the server.
 */

/** `get` reads from the server, `put` writes to it. */
export type Direction = 'get' | 'put';
export type Mode = 'octet' | 'netascii';
export type Family = 'IPv4' | 'IPv6';

export const directions: readonly Direction[] = ['get', 'put'];
export const modes: readonly Mode[] = ['octet', 'netascii'];
export const families: readonly Family[] = ['IPv4', 'IPv6'];
export const blockSizes: readonly number[] = [8, 512, 1428, 1468, 8192, 65464];
export const windowSizes: readonly number[] = [1, 4, 16, 64];

export const loopback: Readonly<Record<Family, string>> = { IPv4: '127.0.0.1', IPv6: '::1' };

/** What a user asks a client for. */
export interface Asked {
  readonly direction: Direction;
  readonly family: Family;
  readonly mode: Mode;
  /** Bytes. */
  readonly blockSize: number;
  /** Blocks. */
  readonly windowSize: number;
}

/** One run of a client: what is asked, of which port, for which files. */
export interface Run extends Asked {
  readonly port: number;
  readonly local: string;
  readonly remote: string;
}

/** Something that a client has no way to ask for. */
export interface Inability {
  readonly what: string;
  readonly reason: string;
  /** The nearest to asking for it; `PORT` stands for the port. */
  readonly attempt: readonly string[];
  /** What its output says then, or `asks …` as {@link wireText} writes the request that it sent instead. */
  readonly shows: RegExp;
}

export interface ForeignClient {
  /** The program. */
  readonly name: string;
  readonly debianPackage: string;
  readonly modes: readonly Mode[];
  readonly blockSizes: readonly number[];
  readonly windowSizes: readonly number[];
  /** Whether its netascii turns line ends into the local ones and back; if not, it stores and sends what is on the wire. */
  readonly translates: boolean;
  readonly cannot: readonly Inability[];
  /** Whether its own fault can spoil such a transfer now and then; tried again before anybody is blamed. */
  readonly frail?: (asked: Asked) => boolean;
  /** The options that its request carries, of `blksize` and `windowsize`. */
  wire(asked: Asked): Readonly<Record<string, string>>;
  command(run: Run): readonly string[];
}

const tftpHpa: ForeignClient = {
  name: 'tftp',
  debianPackage: 'tftp-hpa',
  modes,
  blockSizes: [512],
  windowSizes: [1],
  translates: true,
  cannot: [
    {
      what: 'block sizes other than 512',
      reason: 'sends no options at all',
      attempt: ['tftp', '127.0.0.1', 'PORT', '-c', 'help'],
      shows: /^(?!.*(?:blksize|blocksize)).*Commands are/s,
    },
    {
      what: 'windows',
      reason: 'sends no options at all',
      attempt: ['tftp', '127.0.0.1', 'PORT', '-c', 'help'],
      shows: /^(?!.*window).*Commands are/s,
    },
  ],
  wire: () => ({}),
  command: ({ direction, family, mode, port, local, remote }) => [
    ...['tftp', family === 'IPv6' ? '-6' : '-4', '-m', mode, loopback[family], String(port), '-c', direction],
    ...(direction === 'get' ? [remote, local] : [local, remote]),
  ],
};

const atftp: ForeignClient = {
  name: 'atftp',
  debianPackage: 'atftp',
  modes,
  blockSizes,
  windowSizes,
  translates: true,
  cannot: [],
  // 0.8.0 sends a block again for every ACK that comes twice, also with --prevent-sas, and reads it from the wrong place of a
  // text. A timer that fires on a busy machine is enough.
  frail: ({ direction, mode }) => direction === 'put' && mode === 'netascii',
  wire: ({ blockSize, windowSize }) => ({ blksize: String(blockSize), windowsize: String(windowSize) }),
  command: ({ direction, family, mode, blockSize, windowSize, port, local, remote }) => [
    ...['atftp', '--option', `mode ${mode}`, '--option', `blksize ${blockSize}`, '--option', `windowsize ${windowSize}`],
    ...[direction === 'get' ? '-g' : '-p', '-l', local, '-r', remote, loopback[family], String(port)],
  ],
};

const curl: ForeignClient = {
  name: 'curl',
  debianPackage: 'curl',
  modes,
  blockSizes,
  windowSizes: [1],
  translates: false,
  cannot: [
    {
      what: 'windows',
      reason: 'RFC 7440 is not implemented',
      attempt: ['curl', '--tftp-windowsize', '4', 'tftp://127.0.0.1:PORT/x'],
      shows: /--tftp-windowsize: is unknown/,
    },
  ],
  wire: ({ blockSize }) => ({ blksize: String(blockSize) }),
  command: ({ direction, family, mode, blockSize, port, local, remote }) => [
    ...['curl', '--silent', '--show-error', '--tftp-blksize', String(blockSize)],
    ...[direction === 'get' ? '--output' : '--upload-file', local],
    `tftp://${family === 'IPv6' ? '[::1]' : '127.0.0.1'}:${port}/${remote};mode=${mode}`,
  ],
};

const busybox: ForeignClient = {
  name: 'busybox',
  debianPackage: 'busybox',
  modes: ['octet'],
  blockSizes: [512, 1428, 1468, 8192, 65464],
  windowSizes: [1],
  translates: false,
  cannot: [
    {
      what: 'netascii',
      reason: 'always asks for octet: -m is taken for the sake of old scripts and ignored',
      attempt: ['busybox', 'tftp', '-g', '-m', 'netascii', '-l', '/dev/null', '-r', 'x', '127.0.0.1', 'PORT'],
      shows: /^asks .* octet/m,
    },
    {
      what: 'block size 8',
      reason: 'its smallest is 24',
      attempt: ['busybox', 'tftp', '-g', '-b', '8', '-l', '/dev/null', '-r', 'x', '127.0.0.1', 'PORT'],
      shows: /bad blocksize '8'/,
    },
    {
      what: 'windows',
      reason: 'RFC 7440 is not implemented',
      attempt: ['busybox', 'tftp', '-g', '-w', '4', '-l', '/dev/null', '-r', 'x', '127.0.0.1', 'PORT'],
      shows: /invalid option -- 'w'/,
    },
  ],
  wire: ({ blockSize }): Readonly<Record<string, string>> => (blockSize === 512 ? {} : { blksize: String(blockSize) }),
  command: ({ direction, family, blockSize, port, local, remote }) => [
    ...['busybox', 'tftp', direction === 'get' ? '-g' : '-p', '-b', String(blockSize)],
    ...['-l', local, '-r', remote, loopback[family], String(port)],
  ],
};

export const clients: readonly ForeignClient[] = [tftpHpa, atftp, curl, busybox];

/** Everything that a client can ask for in one direction over one family. */
export function everything(client: ForeignClient, direction: Direction, family: Family): readonly Asked[] {
  return client.modes.flatMap((mode) =>
    client.blockSizes.flatMap((blockSize) =>
      client.windowSizes.map((windowSize) => ({ direction, family, mode, blockSize, windowSize })),
    ),
  );
}
