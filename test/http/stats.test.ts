/** What the HTTP service counts: a scenario for each counter of its own, and nothing else counted in it. */
import { describe, expect, test } from 'vitest';
import { definePlugin } from '../../src/index.ts';
import { COUNTER_NAMES, type CounterName } from '../../src/stats/counters.ts';
import { ask, converse, httpLab, RawClient } from '../kit/http.ts';
import { folder, until } from '../kit/lab.ts';

type Lab = Awaited<ReturnType<typeof httpLab>>;

interface Scenario {
  readonly what: string;
  readonly act: (lab: Lab) => Promise<unknown>;
  readonly counts: Partial<Record<CounterName, number>>;
}

const scenarios: readonly Scenario[] = [
  {
    what: 'a file',
    act: ({ http }) => ask(http, '/x'),
    counts: { 'http-connections.accepted': 1, 'http-answers.successful': 1 },
  },
  {
    what: 'a file that the client has already',
    act: async ({ http }) => {
      const { headers } = await ask(http, '/x');
      expect((await ask(http, '/x', { 'If-None-Match': headers.ETag! })).status).toBe(304);
    },
    counts: { 'http-connections.accepted': 2, 'http-answers.successful': 1, 'http-answers.not-modified': 1 },
  },
  {
    what: 'a name that is absent',
    act: ({ http }) => ask(http, '/absent'),
    counts: { 'http-connections.accepted': 1, 'http-answers.client-error': 1 },
  },
  {
    what: 'a plugin that fails',
    act: ({ http }) => ask(http, '/bad'),
    counts: { 'http-connections.accepted': 1, 'http-answers.server-error': 1 },
  },
  {
    what: 'what is not HTTP',
    act: ({ http }) => converse(http, 'hello\r\n\r\n'),
    counts: { 'http-connections.accepted': 1, 'http-answers.client-error': 1 },
  },
  {
    what: 'a connection too many',
    act: async ({ http, server }) => {
      const two = [new RawClient(http), new RawClient(http)];
      await until(() => server.stats().gauges['live.http-connections'] === 2, 'two connections');
      await new RawClient(http).closed;
      for (const { socket } of two) socket.destroy();
    },
    counts: { 'http-connections.accepted': 2, 'http-connections.refused': 1 },
  },
  {
    what: 'a request that is late',
    act: ({ http }) => converse(http, 'GET /x'),
    counts: { 'http-connections.accepted': 1, 'http-connections.too-slow': 1 },
  },
];

describe('the counters of HTTP', () => {
  test.each(scenarios)('$what', async ({ act, counts }) => {
    const at = folder();
    at.put('ROOT/x', 'inside');
    const bad = definePlugin({
      name: 'bad',
      setup: () => ({
        open({ name }) {
          if (name === 'bad') throw new Error('boom');
        },
      }),
    });
    const lab = await httpLab({ plugins: [bad()], http: { limits: { headerMs: 100, connectionsPerClient: 2 } } }, at);
    await act(lab);
    await until(() => lab.server.stats().gauges['live.http-connections'] === 0, 'the end of all connections');
    const counted = Object.entries(lab.server.stats().counters).filter(([name, count]) => name.startsWith('http-') && count > 0);
    expect(Object.fromEntries(counted)).toEqual(counts);
  });

  test('have each a scenario', () => {
    const seen = new Set(scenarios.flatMap(({ counts }) => Object.keys(counts)));
    expect(COUNTER_NAMES.filter((name) => name.startsWith('http-') && !seen.has(name))).toEqual([]);
  });
});
