/**
 * Each way in which a reload can fail, by name, with real files and sockets; all of them at once, in any order: `test/simulation`.
 */
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../kit/lab.ts';
import { letterConfig, STATE_BYTES } from '../kit/letter-config.ts';
import { type ReloadingLab, reloadingLab } from '../kit/reloading.ts';
import { slowRead } from '../kit/slow-read.ts';
import { Peer } from '../kit/tftp.ts';

describe('each point of failure leaves the old generation serving, and the next good save takes effect:', () => {
  interface Failure {
    readonly what: string;
    readonly break: (lab: ReloadingLab, port: number) => void;
    readonly mend?: (lab: ReloadingLab) => void;
    readonly logs: RegExp;
    /** What was made, and undone. */
    readonly notes?: readonly string[];
    readonly importMs?: number;
  }
  const wrong = `, levelled({ level: 'one' }), levelled({ level: 'two' }), levelled({ level: 'three' })`;
  const levelled = `import { z } from 'pxe';
const levelled = definePlugin({ name: 'levelled', options: z.strictObject({ level: z.int() }), setup: () => ({}) });`;
  const failures: readonly Failure[] = [
    {
      what: 'a syntax error',
      break: ({ save }) => save('export default {\n  rootDir: ,\n};\n'),
      logs: /pxe\.config\.ts:2:\d+: [\s\S]*2 \| {3}rootDir: ,/,
    },
    {
      what: 'a syntax error in a file that is imported',
      break: ({ put, save }) => {
        put('more.ts', 'export const more = 1;\nexport const less = = 2;\n');
        save(letterConfig('B', { head: `import './more.ts';` }));
      },
      logs: /more\.ts:2:\d+: [\s\S]*export const less = = 2;/,
    },
    {
      what: 'an import that throws',
      break: ({ save }) => save(letterConfig('B', { head: `throw new Error('no licence');` })),
      logs: /pxe\.config\.ts:\d+:\d+: no licence/,
    },
    {
      what: 'an import that never settles',
      break: ({ save }) => save(letterConfig('B', { head: 'await new Promise(() => {});' })),
      logs: /not done within 300 ms/,
      importMs: 300,
    },
    {
      what: 'wrong options of three plugins at once',
      break: ({ save }) => save(letterConfig('B', { head: levelled, plugins: wrong })),
      logs: /3 problems\n {2}plugins\[1\]\.options\.level: [\s\S]*plugins\[2\]\.options\.level: [\s\S]*plugins\[3\]\.options\.level: /,
    },
    {
      what: 'a setup that throws half-way',
      break: ({ save }) => save(letterConfig('B', { setup: `throw new Error('no database');` })),
      logs: /plugin "letter", setup: no database/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'a second plugin whose setup throws',
      break: ({ save }) =>
        save(letterConfig('B', { plugins: `, definePlugin({ name: 'bad', setup() { throw new Error('no database'); } })()` })),
      logs: /plugin "bad", setup: no database/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'a setup that never settles',
      break: ({ save }) => save(letterConfig('B', { setup: 'await new Promise(() => {});' })),
      logs: /plugin "letter", setup: not done within 300 ms/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'a port that is taken',
      break: ({ save }, port) =>
        save(
          letterConfig('B', {
            keys: `tftp: { listen: [{ address: '127.0.0.1', port: 0 }, { address: '127.0.0.1', port: ${port} }] },`,
          }),
        ),
      logs: /stays in force: 127\.0\.0\.1 port \d+ is in use, perhaps by another server; "ss -ulpn sport = :\d+" shows which process has it$/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'an address of another machine',
      break: ({ save }) => save(letterConfig('B', { keys: `tftp: { listen: [{ address: '192.0.2.1', port: 6969 }] },` })),
      logs: /stays in force: 192\.0\.2\.1 is not an address of this machine; "ip address" lists them$/,
      notes: ['setup B', 'dispose B'],
    },
    {
      what: 'a config that vanishes',
      break: ({ path }) => unlinkSync(join(path, 'pxe.config.ts')),
      logs: /pxe\.config\.ts: no such file/,
    },
    {
      what: 'an imported file that vanishes',
      break: ({ path }) => unlinkSync(join(path, 'lasting.ts')),
      mend: ({ put }) => void put('lasting.ts', 'export const lasting = 3;'),
      logs: /lasting\.ts/,
    },
  ];

  test.for(failures)('$what', async ({ break: sabotage, mend, logs, notes = [], importMs }) => {
    const head = `import { lasting } from './lasting.ts'; void lasting;`;
    await using taken = await Peer.open();
    const at = await reloadingLab({
      config: letterConfig('A', { head }),
      files: { 'lasting.ts': 'export const lasting = 1;' },
      ...(importMs === undefined ? {} : { importMs }),
    });
    const { server, board, text, nextFailure, nextReload } = at;
    const addresses = server.addresses;
    const transfer = slowRead(at.address, 'state');
    await transfer.started;
    const failed = nextFailure();
    sabotage(at, taken.port);
    await failed;
    expect(board.notes).toEqual(['setup A', ...notes]);
    expect(server.addresses).toEqual(addresses);
    expect(await text('who')).toBe('A');
    const errors = at.log.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]!.msg).toMatch(/^reload failed, the current config stays in force: /);
    expect(errors[0]!.msg).toMatch(logs);
    // No stack of ours.
    expect(errors[0]).not.toHaveProperty('err');

    const reloaded = nextReload();
    if (mend) mend(at);
    else at.save(letterConfig('C', { head }));
    // A reload that failed takes no number.
    expect((await reloaded).generation).toBe(2);
    expect(await text('who')).toBe(mend ? 'A' : 'C');
    const { bytes } = await transfer.goOn();
    expect(bytes.equals(Buffer.alloc(STATE_BYTES, 'A'))).toBe(true);
    await until(() => board.notes.includes('dispose A'), 'end of the first generation');
    expect(at.failures).toHaveLength(1);
  });
});
