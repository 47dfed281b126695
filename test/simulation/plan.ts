/** What a saved config says, and how it is broken: made of a seed, turned into a real config by `loader.ts`. */
import type { TftpConfig } from '../../src/tftp/config.ts';
import type { Random } from '../kit/random.ts';

/** Where a reload fails. */
export const FAILURES = ['syntax', 'options', 'import', 'setup throws', 'setup hangs', 'port taken', 'no such address'] as const;
export type FailurePoint = (typeof FAILURES)[number];

export type PlanLimits = Readonly<
  Record<
    | 'transfers'
    | 'transfersPerClient'
    | 'unproven'
    | 'waiting'
    | 'idleMs'
    | 'hookMs'
    | 'setupMs'
    | 'retries'
    | 'maxTimeoutMs'
    | 'windowBytes',
    number
  >
>;

export interface Plan {
  /** Which save it is of. */
  readonly save: number;
  /** Unique for each load: two generations of one save are told apart by it. */
  readonly number: number;
  readonly failure: FailurePoint | undefined;
  readonly listen: NonNullable<TftpConfig['listen']>;
  readonly rootDir: string;
  readonly uploads: boolean;
  readonly limits: PlanLimits;
  readonly stableMs: number;
  readonly stableWaitMs: number;
  readonly caseInsensitive: boolean;
  /** Whether machines are told what to boot. */
  readonly dhcp: 'off' | 'on' | 'boot server only';
  /** Says what to boot after so many milliseconds. */
  readonly bootMs: number;
  /** How long `setup` takes. */
  readonly setupMs: number;
  readonly dispose: 'at once' | 'slow' | 'throws' | 'hangs';
  readonly observers: 'at once' | 'slow' | 'throw' | 'hang';
  /** Identifies after so many milliseconds. */
  readonly identifyMs: number;
}

export const ROOTS = ['/srv/current', '/srv/other'] as const;
export const UPLOADS = '/srv/uploads';
/** Another process has this port. */
export const TAKEN_PORT = 6900;

export const DHCP_PORT = 67;
export const BOOT_SERVER_PORT = 4011;
/** What the misbehaving plugin does as machines ask what to boot. */
export const ODD_BOOTS = ['throws', 'refuses', 'answers nonsense', 'never answers', 'has nothing'] as const;

const MAIN = { address: '10.0.0.1', port: 69 };
const LISTENS: readonly Plan['listen'][] = [
  [MAIN],
  [MAIN],
  [{ address: '0.0.0.0', port: 69 }],
  [{ interface: 'eth0', port: 69 }],
  [MAIN, { address: '10.0.0.1', port: 6969 }],
  [{ address: '10.0.0.1', port: 6969 }],
  [{ address: '127.0.0.1', port: 69 }, MAIN],
];

export function anyPlan(random: Random, save: number, failure?: FailurePoint): Plan {
  return {
    save,
    number: 0,
    failure,
    listen:
      failure === 'port taken'
        ? [MAIN, { address: '10.0.0.1', port: 7069 }, { address: '10.0.0.1', port: TAKEN_PORT }]
        : failure === 'no such address'
          ? [
              { address: '10.0.0.1', port: 7070 },
              { address: '10.9.9.9', port: 69 },
            ]
          : save === 0
            ? [MAIN]
            : random.pick(LISTENS),
    rootDir: random.chance(0.8) ? ROOTS[0] : ROOTS[1],
    uploads: random.chance(0.8),
    limits: {
      transfers: random.pick([6, 12, 40]),
      transfersPerClient: random.pick([2, 4, 10]),
      unproven: random.pick([3, 8, 30]),
      waiting: random.pick([0, 3, 20]),
      idleMs: random.int(3000, 6000),
      hookMs: random.int(200, 600),
      setupMs: random.int(300, 700),
      retries: random.int(4, 12),
      maxTimeoutMs: random.int(300, 1500),
      windowBytes: random.pick([4096, 4 * 1024 ** 2]),
    },
    stableMs: random.pick([50, 100, 150]),
    stableWaitMs: random.pick([120, 400, 2000]),
    caseInsensitive: random.chance(0.2),
    dhcp: random.pick(['off', 'on', 'on', 'boot server only']),
    bootMs: random.pick([0, 0, 30, 150]),
    setupMs: random.pick([0, 0, 20, 150]),
    dispose: random.pick(['at once', 'at once', 'slow', 'throws', 'hangs']),
    observers: random.pick(['at once', 'at once', 'slow', 'throw', 'hang']),
    identifyMs: random.pick([0, 0, 5, 60]),
  };
}
