/**
 * A folder as a user keeps one, made for a run: a config, a plugin that it imports, a file that the plugin watches, a root.
 * Each of the three carries a number, and the file `state` that the plugin makes up says which numbers are in force.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { get } from './tftp.ts';
import { fillRecords } from './versioned.ts';

/** What the config says. */
export interface ConfigValues {
  readonly ports: readonly number[];
  /** The number that the config carries. */
  readonly state: number;
  /** `setup` of the plugin opens all that it opens, then throws. */
  readonly fail?: boolean;
  /** Further lines above the config: imports, or nonsense. */
  readonly head?: string;
  /** Further keys of the config's section `tftp`. */
  readonly tftp?: string;
  /** Further keys of the config. */
  readonly keys?: string;
}

/** It cannot change while a server runs. */
const transport = process.env.TRANSPORT ?? 'auto';

/** How an editor saves: over the file, or beside it and then in its place. */
export type SaveStyle = 'in place' | 'rename';

export class ConfigFolder implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'pxe-config-'));
  readonly root = join(this.dir, 'root');
  readonly config = join(this.dir, 'pxe.config.ts');
  readonly plugin = join(this.dir, 'stateful.ts');
  readonly watched = join(this.dir, 'state.txt');

  constructor() {
    mkdirSync(this.root);
    this.save(this.plugin, pluginText(0));
    this.save(this.watched, '0\n');
  }

  save(file: string, text: string, style: SaveStyle = 'in place'): void {
    if (style === 'in place') return writeFileSync(file, text);
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function configText({ ports, state, fail = false, head = '', tftp = '', keys = '' }: ConfigValues): string {
  const listen = ports.map((port) => `{ address: '127.0.0.1', port: ${port} }`).join(', ');
  return `import { defineConfig } from 'pxe';
import { stateful } from './stateful.ts';
${head}
export default defineConfig({
  rootDir: './root',
  tftp: { transport: '${transport}', listen: [${listen}],${tftp} },${keys}
  plugins: [stateful({ state: ${state}, fail: ${fail} })],
});
`;
}

/** Holds a descriptor, a socket and a timer for as long as its generation lives. */
export function pluginText(state: number): string {
  return `import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { definePlugin, z } from 'pxe';

const STATE = ${state};
const fillRecords = ${fillRecords};

export const stateful = definePlugin({
  name: 'stateful',
  options: z.strictObject({ state: z.int(), fail: z.boolean() }),
  async setup({ state, fail }, context) {
    context.watch('state.txt');
    const file = await open(join(context.configDir, 'state.txt'));
    context.onDispose(() => file.close());
    const text = await file.readFile('utf8');
    if (text === '') throw new Error('state.txt is half saved');
    const watched = Number(text);
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    context.onDispose(() => void socket.close());
    const timer = setInterval(() => {}, 1000);
    context.onDispose(() => clearInterval(timer));
    let disposed = false;
    context.onDispose(() => void (disposed = true));
    if (fail) throw new Error('setup fails on purpose');
    const version = Math.max(STATE, state, watched);
    return {
      open({ name }) {
        if (name.startsWith('state')) return Buffer.from(String(version));
        const [, id, size] = /^generated\\/(\\d+)-(\\d+)$/.exec(name) ?? [];
        return size === undefined ? undefined : generated(Number(id), Number(size), version, () => disposed);
      },
    };
  },
});

function generated(id: number, size: number, version: number, disposed: () => boolean) {
  return {
    size,
    read(offset: number, length: number) {
      if (disposed()) throw new Error('read after the generation was disposed of');
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      fillRecords(bytes, id, version, offset / 16);
      return bytes;
    },
    close() {},
  };
}
`;
}

/** The highest of the three numbers in force. Throws if the server does not answer. */
export async function stateInForce(port: number): Promise<number> {
  const { bytes, error } = await get({ address: '127.0.0.1', port }, 'state', { retryMs: 250 });
  if (error) throw new Error(`state: ERROR ${error.code} ${error.message}`);
  return Number(bytes.toString());
}
