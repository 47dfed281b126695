/** The 100 saves of the run: each changes the config, its plugin or the watched file, and ten of them are broken. */
import {
  type ConfigFolder,
  type ConfigValues,
  configText,
  pluginText,
  type SaveStyle,
  stateInForce,
} from '../kit/config-folder.ts';
import type { Random } from '../kit/random.ts';
import type { LogLine, Served } from '../kit/serve.ts';
import type { Ports } from './ports.ts';
import { RUN_MS, type Timeline } from './timeline.ts';

export const RELOADS = 100;
/** Each is followed by a save that mends it. */
export const BROKEN = 10;
/** Which of the further ports are listened on from a save on. */
export const LISTEN: ReadonlyMap<number, readonly number[]> = new Map([
  [10, [1]],
  [30, [2]],
  [50, [1, 2]],
  [70, [1]],
  [90, []],
]);

export interface SavesOptions {
  readonly random: Random;
  readonly folder: ConfigFolder;
  readonly server: Served;
  readonly ports: Ports;
  readonly mainPort: number;
  readonly extraPorts: readonly number[];
  /** A port that another process has bound. */
  readonly takenPort: number;
}

export class Saves {
  /** Number of the last save; each carries its own into the config, the plugin or the watched file. */
  step = 0;
  /** The state known to be in force. */
  inForce = 0;
  readonly counts = { broken: 0, halfSaved: 0, carried: 0 };
  readonly wrong: string[] = [];
  readonly #options: SavesOptions;
  readonly #seen = new Set<LogLine>();
  /** What the config says, as far as it is valid. */
  #valid: ConfigValues;

  constructor(options: SavesOptions) {
    this.#options = options;
    this.#valid = { ports: [options.mainPort], state: 0 };
  }

  async run(timeline: Timeline): Promise<void> {
    const { mainPort, extraPorts } = this.#options;
    let mend: (() => void) | undefined;
    for (let number = 1; number <= RELOADS; number++) {
      await timeline.until((RUN_MS * 0.95 * number) / RELOADS);
      this.step = number;
      const wanted = LISTEN.get(number);
      if (mend) {
        mend();
        mend = undefined;
        await this.#takesEffect(number);
      } else if (wanted) {
        await this.#changeListen(number, [mainPort, ...wanted.map((index) => extraPorts[index - 1]!)]);
      } else if (number % (RELOADS / BROKEN) === 5) {
        mend = this.#break(Math.floor(number / (RELOADS / BROKEN)));
        await this.#isRefused(number);
      } else {
        this.#change(number);
        await this.#takesEffect(number);
      }
    }
  }

  /** Closed ports keep the transfers that have begun there. New transfers go to a port only while the server listens on it. */
  async #changeListen(number: number, listen: readonly number[]): Promise<void> {
    const { ports } = this.#options;
    this.counts.carried += await ports.leave(this.#valid.ports.filter((port) => !listen.includes(port)));
    this.#saveValid({ ports: listen });
    await this.#takesEffect(number);
    ports.setUsable(listen);
  }

  /** Each kind of save that makes a new generation. */
  #change(number: number): void {
    const { random, folder } = this.#options;
    switch (random.int(0, 4)) {
      case 0:
        return folder.save(folder.plugin, pluginText(number), this.#style());
      case 1:
        return folder.save(folder.watched, `${number}\n`, this.#style());
      case 2: {
        // From now on another file is imported and watched; the one before is not.
        folder.save(`${folder.dir}/extra-${number}.ts`, `export const extra = ${number};\n`);
        return this.#saveValid({ head: `import './extra-${number}.ts';` });
      }
      case 3:
        return this.#saveValid({ tftp: ` limits: { retries: ${12 + (number % 3)} }` });
      default:
        return this.#saveValid({});
    }
  }

  /** Returns what mends it. */
  #break(kind: number): () => void {
    const { folder, takenPort } = this.#options;
    const config = (broken: Partial<ConfigValues>): (() => void) => {
      this.#saveConfig({ ...this.#valid, state: this.step, ...broken });
      return () => this.#saveValid({});
    };
    switch (kind % 5) {
      case 0:
        return config({ head: 'const = ;' });
      case 1:
        return config({ keys: '\n  rootDir: 7, nonsense: true,', tftp: " singlePort: 'no'" });
      case 2:
        return config({ fail: true });
      case 3:
        return config({ ports: [...this.#valid.ports, takenPort] });
      default:
        folder.save(folder.plugin, `${pluginText(this.step)}}`, this.#style());
        return () => folder.save(folder.plugin, pluginText(this.step), this.#style());
    }
  }

  #saveValid(change: Partial<ConfigValues>): void {
    this.#valid = { ...this.#valid, state: this.step, ...change };
    this.#saveConfig(this.#valid);
  }

  #saveConfig(config: ConfigValues): void {
    const { folder } = this.#options;
    folder.save(folder.config, configText(config), this.#style());
  }

  #style(): SaveStyle {
    return this.#options.random.pick(['in place', 'rename']);
  }

  async #takesEffect(number: number): Promise<void> {
    if (!(await this.#outcome('reload done'))) return void this.wrong.push(`reload ${number} was not logged as done`);
    const state = await this.#state();
    if (state === number) this.inForce = number;
    else this.wrong.push(`after reload ${number}: ${state}`);
  }

  async #isRefused(number: number): Promise<void> {
    this.counts.broken++;
    if (!(await this.#outcome('reload failed'))) return void this.wrong.push(`broken reload ${number} was not logged as failed`);
    const state = await this.#state();
    if (state !== this.inForce) this.wrong.push(`after broken reload ${number}: ${state}, not ${this.inForce}`);
  }

  #state(): Promise<number | string> {
    return stateInForce(this.#options.mainPort).catch((error: Error) => error.message);
  }

  /** Waits for this outcome of a reload in the log. */
  async #outcome(wanted: 'reload done' | 'reload failed'): Promise<boolean> {
    const isOutcome = ({ msg }: LogLine) => msg === 'reload done' || msg.startsWith('reload failed');
    for (;;) {
      const next = (line: LogLine) => isOutcome(line) && !this.#seen.has(line);
      const line = await this.#options.server.logged(next, 8000).catch(() => undefined);
      if (!line) return false;
      this.#seen.add(line);
      if (line.msg.startsWith(wanted)) return true;
      if (line.msg === 'reload done') this.wrong.push(`generation ${line.generation} was not asked for`);
      else this.counts.halfSaved++;
    }
  }
}
