/** Log lines are those that pino writes, byte by byte. */
import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { writeQuickly } from '../../src/cli/log-line.ts';

/** What a quick log and pino's own write for the same. */
function lines(log: (log: pino.Logger) => void): readonly [quick: string, pinos: string] {
  const written = [true, false].map((quick) => {
    const text: string[] = [];
    const options = { level: 'trace', base: null, timestamp: () => ',"time":1', serializers: { err: () => 'an error' } };
    const logger = pino(options, { write: (line: string) => void text.push(line) });
    log(quick ? writeQuickly(logger) : logger);
    return text.join('');
  });
  return [written[0]!, written[1]!];
}

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.jsonValue({ maxDepth: 3 }),
);
const fields = fc.dictionary(fc.string(), value, { maxKeys: 10 });

describe('a line', () => {
  test('of any fields', () => {
    fc.assert(
      fc.property(fields, fc.string(), (fields, message) => {
        const [quick, pinos] = lines((log) => log.info(fields, message));
        expect(quick).toBe(pinos);
      }),
    );
  });

  class Name {
    readonly own = 1;
    get inherited() {
      return 2;
    }
  }
  const circle: Record<string, unknown> = {};
  circle.circle = circle;

  test.each<[string, (log: pino.Logger) => void]>([
    ['without fields', (log) => log.info({}, 'text')],
    ['without a message', (log) => log.info({ a: 1 })],
    ['of a message alone', (log) => log.warn('text')],
    ['with an error', (log) => log.error({ err: new Error('fault'), a: 1 }, 'text')],
    ['that is an error', (log) => log.error(new Error('fault'))],
    ['of a child', (log) => log.child({ plugin: 'leases' }).child({ transfer: 7 }).info({ a: 1 }, 'text')],
    ['with an instance of a class', (log) => log.info(new Name(), 'text')],
    [
      'with dates, functions and symbols',
      (log) => log.info({ at: new Date(0), run() {}, it: Symbol('it'), of: [() => 1] }, 'text'),
    ],
    ['with what JSON cannot hold', (log) => log.info({ circle, not: Number.NaN }, 'text')],
  ])('%s', (_what, log) => {
    const [quick, pinos] = lines(log);
    expect(quick).toBe(pinos);
    expect(quick).toMatch(/^\{"level":\d+,"time":1.*\}\n$/s);
  });
});
