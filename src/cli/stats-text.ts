/** Counters and measurements as text, for the lines of SIGUSR1 and the line about dropped datagrams. */
import { listOf, numberOf, objectOf, textOf } from './log-record.ts';
import { clockText, sizeText, timeText } from './machine-lines.ts';

/**
 * `12 requests (10 completed, 2 refused), 3.4 MiB sent, 5 datagrams dropped`: only non-zero parts. `undefined` if there are none.
 */
export function statsText(stats: unknown): string | undefined {
  const counts = Object.entries(objectOf(objectOf(stats).counters)).flatMap(([name, value]) => {
    const count = numberOf(value) ?? 0;
    return count > 0 ? [{ name, count }] : [];
  });
  const group = (prefix: string) => counts.filter(({ name }) => name.startsWith(prefix));
  const of = (...names: readonly string[]) =>
    counts.reduce((sum, { name, count }) => (names.includes(name) ? sum + count : sum), 0);
  const outcomes = group('outcomes.').map(({ name, count }) => `${count} ${name.slice('outcomes.'.length)}`);
  const requests = of('requests.read', 'requests.write', 'requests.boot');
  const dropped = group('drops.').reduce((sum, { count }) => sum + count, 0);
  const [sent, received] = [of('bytes.sent'), of('bytes.received')];
  return joined([
    requests > 0 && `${plural(requests, 'request')}${outcomes.length > 0 ? ` (${outcomes.join(', ')})` : ''}`,
    sent > 0 && `${sizeText(sent)} sent`,
    received > 0 && `${sizeText(received)} received`,
    dropped > 0 && `${plural(dropped, 'datagram')} dropped`,
  ]);
}

/** The rest of a snapshot, one line for each subject that is not empty. */
export function statsDetails(stats: unknown): readonly string[] {
  const { histograms, plugins } = objectOf(stats);
  const measured = objectOf(histograms);
  const times = joined([
    quantilesText('first reply', measured['answer-seconds']),
    quantilesText('transfer', measured['transfer-seconds']),
    quantilesText('round trip', measured['round-trip-seconds']),
  ]);
  const lines = [
    times && `median and 99th percentile: ${times}`,
    memoryText(stats),
    ...Object.entries(objectOf(plugins)).map(([name, plugin]) => pluginText(name, objectOf(plugin))),
    reloadsText(stats),
    troubleText(stats),
  ];
  return lines.filter((line) => line !== undefined);
}

/** `3 unknown transfer (one from 192.168.7.20 port 2070), 1 malformed (from 192.168.7.21 port 69)` */
export function dropsText(drops: unknown): string {
  const texts = listOf(drops).map((one) => {
    const { reason, count, client, port } = objectOf(one);
    const example = textOf(client) === undefined ? '' : ` (${count === 1 ? '' : 'one '}from ${client} port ${port})`;
    return `${count} ${String(reason).replaceAll('-', ' ')}${example}`;
  });
  return texts.join(', ');
}

/** `first reply 0.4 ms and 2.1 ms` */
function quantilesText(what: string, histogram: unknown): string | undefined {
  const found = quantilesOf(histogram);
  return found && `${what} ${found.median} and ${found.p99}`;
}

function quantilesOf(histogram: unknown): { readonly median: string; readonly p99: string } | undefined {
  const { p50, p99 } = objectOf(histogram);
  const [middle, high] = [numberOf(p50), numberOf(p99)];
  return middle === undefined || high === undefined ? undefined : { median: secondsText(middle), p99: secondsText(high) };
}

function memoryText(stats: unknown): string | undefined {
  const { counter, gauge } = numbersOf(stats);
  const bytes = gauge('cache-bytes.main') + gauge('cache-bytes.data');
  const [hits, misses] = [counter('cache.hits'), counter('cache.misses')];
  if (hits + misses === 0) return undefined;
  return `${sizeText(bytes)} of files cached, ${Math.round((100 * hits) / (hits + misses))}% hit rate`;
}

function pluginText(name: string, plugin: Readonly<Record<string, unknown>>): string | undefined {
  const duration = plugin['hook-seconds'];
  const calls = numberOf(objectOf(duration).count) ?? 0;
  const [errors, timeouts] = [numberOf(plugin['hook.errors']) ?? 0, numberOf(plugin['hook.timeouts']) ?? 0];
  if (calls === 0) return undefined;
  const took = quantilesOf(duration);
  return joined([
    took && `plugin ${name}: ${plural(calls, 'call')}, median ${took.median}, p99 ${took.p99}`,
    errors > 0 && `${errors} failed`,
    timeouts > 0 && `${timeouts} took too long`,
  ]);
}

function reloadsText(stats: unknown): string | undefined {
  const { counter, gauge } = numbersOf(stats);
  const text = (result: 'succeeded' | 'failed') => {
    const count = counter(`reloads.${result}`);
    return (
      count > 0 && `${plural(count, 'reload')} ${result}, the last at ${clockText(gauge(`last-reload-seconds.${result}`) * 1000)}`
    );
  };
  return joined([text('succeeded'), text('failed')]);
}

function troubleText(stats: unknown): string | undefined {
  const { counter } = numbersOf(stats);
  const [hung, lost, restarts, held] = [
    counter('disk-calls.hung'),
    counter('log-lines.lost'),
    counter('restarts.data-thread'),
    counter('budget.held'),
  ];
  return joined([
    hung > 0 && `${plural(hung, 'file system call')} hung`,
    lost > 0 && `${plural(lost, 'log line')} lost`,
    restarts > 0 && `${plural(restarts, 'data thread restart')}`,
    held > 0 && `${held} first replies held back`,
  ]);
}

/** The numbers of a snapshot by name; 0 if absent. */
function numbersOf(stats: unknown) {
  const { counters, gauges } = objectOf(stats);
  const of = (table: unknown) => (name: string) => numberOf(objectOf(table)[name]) ?? 0;
  return { counter: of(counters), gauge: of(gauges) };
}

/** `40 µs`, `1.5 ms`, `12 s` */
function secondsText(seconds: number): string {
  return seconds < 0.001 ? `${Math.round(seconds * 1e6)} µs` : timeText(seconds * 1000);
}

function joined(parts: readonly (string | false | undefined)[]): string | undefined {
  const there = parts.filter((part) => typeof part === 'string');
  return there.length > 0 ? there.join(', ') : undefined;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
