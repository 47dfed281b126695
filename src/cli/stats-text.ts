/** What was counted, in words: for the line of SIGUSR1 and for the one about dropped datagrams. */
import { listOf, numberOf, objectOf, textOf } from './log-record.ts';
import { sizeText } from './machine-lines.ts';

/** `12 requests (10 completed, 2 refused), 3.4 MiB sent, 5 datagrams dropped`: what there is of it. `undefined` if that is nothing. */
export function statsText(stats: unknown): string | undefined {
  const counts = Object.entries(objectOf(objectOf(stats).counters)).flatMap(([name, value]) => {
    const count = numberOf(value) ?? 0;
    return count > 0 ? [{ name, count }] : [];
  });
  const group = (prefix: string) => counts.filter(({ name }) => name.startsWith(prefix));
  const of = (...names: readonly string[]) =>
    counts.reduce((sum, { name, count }) => (names.includes(name) ? sum + count : sum), 0);
  const outcomes = group('outcomes.').map(({ name, count }) => `${count} ${name.slice('outcomes.'.length)}`);
  const requests = of('requests.read', 'requests.write');
  const dropped = group('drops.').reduce((sum, { count }) => sum + count, 0);
  const [sent, received] = [of('bytes.sent'), of('bytes.received')];
  const parts = [
    ...(requests > 0 ? [`${plural(requests, 'request')}${outcomes.length > 0 ? ` (${outcomes.join(', ')})` : ''}`] : []),
    ...(sent > 0 ? [`${sizeText(sent)} sent`] : []),
    ...(received > 0 ? [`${sizeText(received)} received`] : []),
    ...(dropped > 0 ? [`${plural(dropped, 'datagram')} dropped`] : []),
  ];
  return parts.length > 0 ? parts.join(', ') : undefined;
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

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
